// @ts-check
/** Handshakes by WebSocket with a JSON Web Token: what it costs the server to look at it. */

import { measureServers } from '../net.mjs'
import { atMost } from '../table.mjs'

/** @typedef {import('../settings.mjs').Settings} Settings */
/** @typedef {import('../table.mjs').Table} Table */
/** @typedef {import('../table.mjs').Row} Row */
/** @typedef {import('../net.mjs').Variant} Variant */
/** @typedef {Omit<Row, 'values'> & Omit<Variant, 'name' | 'group' | 'variant'> & { server: string }} Described */

const IN_AUTH = /** @type {const} */ ({ in: 'auth' })
const IN_HEADER = /** @type {const} */ ({ in: 'header' })
const BARE_HEADER = 'bare, token in a header'

/** @type {readonly Described[]} */
const HS256 = [
  { variant: 'bare', role: 'base', server: 'bare', credential: IN_AUTH },
  { variant: BARE_HEADER, role: 'base', server: 'bare', credential: IN_HEADER },
  peer('jsonwebtoken by hand, string secret'),
  peer('jsonwebtoken by hand, KeyObject'),
  peer('jose by hand'),
  peer('node:crypto by hand'),
  { ...peer('socketio-jwt', IN_HEADER), against: BARE_HEADER },
  peer('@thream/socketio-jwt', { in: 'bearer in auth' }),
  ours('portcullis, token in auth', IN_AUTH, 1.1),
  { ...ours('portcullis, token in a header', IN_HEADER, 1.1), against: BARE_HEADER },
]

/** @param {Settings} settings @returns {Promise<Table>} */
export function handshakeHs256(settings) {
  return measured(settings, HS256, {
    name: 'handshake-hs256',
    title: 'Handshake by WebSocket, JWT HS256 not seen before',
    notes: [
      '“By hand” and the packages are in `io.use`. They check the signature, `iss`, `aud` and `exp`, @thream/socketio-jwt only signature and `exp`; none of them checks an origin, a limit or a revocation. socketio-jwt reads the header, the others `auth`; its other way, by an event after connecting, needs `Namespace.events`, which Socket.IO 4 does not have.',
    ],
  })
}

/** @param {Settings} settings @returns {Promise<Table>} */
export function handshakeAsymmetric(settings) {
  const limits = /** @type {const} */ ({ RS256: 1.15, ES256: 1.4, EdDSA: 1.45 })
  const rows = /** @type {const} */ (['RS256', 'ES256', 'EdDSA']).flatMap((alg) => {
    const credential = /** @type {const} */ ({ in: 'auth', alg })
    const options = { alg }
    const group = alg
    const bare = `bare, ${alg}`
    return [
      { variant: bare, role: 'base', server: 'bare', credential, against: bare, group },
      {
        variant: `jose by hand, ${alg}`,
        role: 'peer',
        server: 'jose by hand',
        credential,
        options,
        against: bare,
        group,
      },
      {
        variant: `portcullis, ${alg}`,
        role: 'ours',
        server: 'portcullis',
        credential,
        options,
        against: bare,
        goal: atMost(limits[alg]),
      },
    ]
  })
  return measured(settings, /** @type {readonly Described[]} */ (rows), {
    name: 'handshake-asymmetric',
    title: 'Handshake by WebSocket, JWT RS256, ES256 and EdDSA not seen before',
  })
}

/** @param {Settings} settings @returns {Promise<Table>} */
export function handshakeAgain(settings) {
  const seen = { seen: true }
  return measured(
    settings,
    [
      { variant: 'bare', role: 'base', server: 'bare', credential: { ...IN_AUTH, ...seen } },
      { variant: 'bare again', role: 'base', server: 'bare', credential: { ...IN_AUTH, ...seen } },
      { variant: BARE_HEADER, role: 'base', server: 'bare', credential: { ...IN_HEADER, ...seen } },
      ours('portcullis, token in auth', { ...IN_AUTH, ...seen }, 1.05),
      { ...ours('portcullis, token in a header', { ...IN_HEADER, ...seen }, 1.05), against: BARE_HEADER },
    ],
    { name: 'handshake-again', title: 'Handshake by WebSocket, JWT HS256, the same token again' },
  )
}

/** @param {Settings} settings @param {readonly Described[]} rows @param {Pick<Table, 'name' | 'title' | 'notes'>} about @returns {Promise<Table>} */
async function measured({ quick }, rows, about) {
  const rounds = quick ? 3 : 11
  const count = quick ? 100 : 400
  const variants = rows.map(({ variant, server, credential, options }) => ({
    name: variant,
    group: 'jwt',
    variant: server,
    credential,
    options: { server: { transports: ['websocket'] }, ...options },
  }))
  const figures = await measureServers(variants, { rounds, count, command: 'handshakes' })
  return {
    ...about,
    method: `CPU of the server’s process for a client that connects, is admitted to a namespace and goes; ${rounds} rounds of ${count}, ten at a time.`,
    unit: 'µs per handshake',
    compare: 'ratio',
    rows: rows.map((row, index) => ({ ...row, values: figures[index] ?? [] })),
  }
}

/** @param {string} server @param {Variant['credential']} [credential] @returns {Described} */
function peer(server, credential = IN_AUTH) {
  return { variant: server, role: 'peer', server, credential }
}

/** @param {string} variant @param {Variant['credential']} credential @param {number} limit @returns {Described} */
function ours(variant, credential, limit) {
  return { variant, role: 'ours', server: 'portcullis', credential, goal: atMost(limit) }
}

// @ts-check
/** What a client with a forged token costs, beside one that is admitted. */

import { measureServers } from '../net.mjs'
import { atMost } from '../table.mjs'

/** @typedef {Omit<import('../table.mjs').Row, 'values'> & Omit<import('../net.mjs').Variant, 'name' | 'group' | 'variant'> & { server: string }} Described */

const FORGED_IN_AUTH = /** @type {const} */ ({ in: 'auth', forged: true })
const FORGED_IN_HEADER = /** @type {const} */ ({ in: 'header', forged: true })

/** @type {readonly Described[]} */
const ROWS = [
  { variant: 'accepted by bare Socket.IO', role: 'base', server: 'bare', credential: { in: 'auth' } },
  {
    variant: 'refused in io.use',
    role: 'peer',
    group: 'at CONNECT',
    server: 'io.use',
    credential: FORGED_IN_AUTH,
    expected: 'refused at CONNECT',
  },
  {
    variant: 'portcullis, at CONNECT',
    role: 'ours',
    group: 'at CONNECT',
    server: 'portcullis',
    credential: FORGED_IN_AUTH,
    expected: 'refused at CONNECT',
  },
  // What connecting costs by itself, and nobody can do with less.
  {
    variant: 'refused in io.engine.use, without looking',
    role: 'base',
    server: 'io.engine.use, nobody looks',
    credential: FORGED_IN_HEADER,
    expected: 'refused before the upgrade',
  },
  {
    variant: 'refused in io.engine.use',
    role: 'peer',
    group: 'before the upgrade',
    server: 'io.engine.use',
    credential: FORGED_IN_HEADER,
    expected: 'refused before the upgrade',
  },
  {
    variant: 'portcullis, before the upgrade',
    role: 'ours',
    group: 'before the upgrade',
    server: 'portcullis',
    credential: FORGED_IN_HEADER,
    expected: 'refused before the upgrade',
    goal: atMost(0.25),
  },
]

/** @param {import('../settings.mjs').Settings} settings @returns {Promise<import('../table.mjs').Table>} */
export async function refusal({ quick }) {
  const rounds = quick ? 3 : 11
  const count = quick ? 100 : 400
  const options = { server: { transports: ['websocket'] } }
  const variants = ROWS.map(({ variant, server, credential, expected }) => ({
    ...{ name: variant, group: 'refusal', variant: server, credential, options },
    ...(expected === undefined ? {} : { expected }),
  }))
  const figures = await measureServers(variants, { rounds, count, command: 'handshakes' })
  return {
    name: 'refusal',
    title: 'A refused handshake by WebSocket',
    method: `CPU of the server’s process for a client that connects with a forged token, is refused and goes; by hand it is jsonwebtoken with a KeyObject that looks. ${rounds} rounds of ${count}, ten at a time.`,
    unit: 'µs per handshake',
    compare: 'ratio',
    rows: ROWS.map((row, index) => ({ ...row, values: figures[index] ?? [] })),
    notes: [
      'Before the upgrade wherever the credential is in the request: a header, a cookie, the query. A token in the CONNECT packet comes only with an open connection.',
    ],
  }
}

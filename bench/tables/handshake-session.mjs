// @ts-check
/** Handshakes with the cookie of an Express session in Redis: by WebSocket, and by polling with an upgrade. */

import { measureServers, WARM_UPS } from '../net.mjs'
import { putSessions, sessionId } from '../servers/redis.mjs'
import { atMost } from '../table.mjs'

/** @typedef {import('../settings.mjs').Settings} Settings */
/** @typedef {import('../table.mjs').Table} Table */
/** @typedef {Omit<import('../table.mjs').Row, 'values'> & { server: string }} Described */

const BASE = /** @type {const} */ ({ variant: 'bare', role: 'base', server: 'bare' })

/** @param {Settings} settings @returns {Promise<Table>} */
export function sessionByWebSocket(settings) {
  return measured(settings, 'handshakes', {
    name: 'session-websocket',
    title: 'Handshake by WebSocket, Express session in Redis',
    method: 'CPU of the server’s process for a client that connects with a cookie, is admitted to a namespace and goes',
    rows: [
      BASE,
      peer('express-session on each request', 'io.engine.use(express-session)'),
      peer('passport.socketio'),
      peer('by hand'),
      { variant: 'portcullis', role: 'ours', server: 'portcullis', goal: atMost(1.3) },
    ],
  })
}

/** @param {Settings} settings @returns {Promise<Table>} */
export function sessionByPolling(settings) {
  return measured(settings, 'upgrades', {
    name: 'session-polling',
    title: 'Handshake by polling, then upgrade to WebSocket, Express session in Redis',
    method:
      'CPU of the server’s process for four requests of polling and an upgrade, each with the cookie, as browsers connect by default',
    rows: [
      BASE,
      peer('express-session on each request', 'io.engine.use(express-session), on each request'),
      peer('express-session on the handshake', 'io.engine.use(express-session), on the handshake only'),
      { variant: 'portcullis', role: 'ours', server: 'portcullis', goal: atMost(1.2) },
    ],
  })
}

/**
 * @param {Settings} settings
 * @param {'handshakes' | 'upgrades'} command
 * @param {Pick<Table, 'name' | 'title' | 'method'> & { rows: readonly Described[] }} about
 * @returns {Promise<Table>}
 */
async function measured({ quick }, command, { rows, method, ...about }) {
  const rounds = quick ? 3 : 11
  const count = command === 'upgrades' ? (quick ? 40 : 250) : quick ? 100 : 400
  const transports = command === 'upgrades' ? ['polling', 'websocket'] : ['websocket']
  const variants = rows.map(({ variant, server }) => ({
    name: variant,
    group: 'session',
    variant: server,
    options: { server: { transports } },
    credential: /** @type {const} */ ({ in: 'cookie', sessionId: sessionId('#') }),
  }))
  const removeSessions = await putSessions(count * WARM_UPS)
  const figures = await measureServers(variants, { rounds, count, command }).finally(removeSessions)
  return {
    ...about,
    method: `${method}; ${rounds} rounds of ${count}, ten at a time. Each client has a session of its own.`,
    unit: 'µs per handshake',
    compare: 'ratio',
    rows: rows.map((row, index) => ({ ...row, values: figures[index] ?? [] })),
  }
}

/** @param {string} server @param {string} [variant] @returns {Described} */
function peer(server, variant = server) {
  return { variant, role: 'peer', server }
}

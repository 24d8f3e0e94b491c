// @ts-check
/** A Socket.IO server as its documentation has it, bare or under a guard that permits everything, in this process or in a worker. */

import { createServer } from 'node:http'
import { createAuth, permit } from 'portcullis'
import { anonymous } from 'portcullis/strategies/anonymous'
import { fromAuth, readOne } from 'portcullis/strategies/from'
import { Server } from 'socket.io'

/** The page that may connect. */
export const ORIGIN = 'https://app.example'
/** Everything that a client of these tests says. A guard has no wildcard: what has no rule is refused. */
export const EVENTS = ['one', 'two', 'three', 'ask', 'message']
/** A namespace for each file of facts, so that what one of them leaves behind is nothing to the next. */
export const NAMESPACES = ['/', '/facts', '/other', '/middlewares', '/refusing']

/** @typedef {'bare' | 'guarded' | 'guarded by slow rules'} Kind */

/** Whoever says so is that user: recovery is for somebody who comes back, which no visitor can. @type {import('portcullis').Strategy} */
const named = {
  scheme: 'named',
  from: [fromAuth('user')],
  maxLifetimeSeconds: 60,
  async authenticate(handshake, connect) {
    const user = readOne(this.from, handshake, connect)
    if (user === null) return null
    return {
      identity: { scheme: 'named', issuer: 'facts', subject: user, claims: {} },
      lease: { id: user, issuedAt: handshake.issued / 1000, expiresAt: null },
    }
  },
}

/** What decides: at once, or in a later tick. @param {Kind} kind */
function policyOf(kind) {
  const rule = kind === 'guarded' ? () => permit() : async () => permit()
  return {
    connect: rule,
    events: Object.fromEntries(EVENTS.map((event) => [event, rule])),
    rooms: { 'room:{name}': rule },
  }
}

/**
 * `before` and `after` run where the application may put its own middlewares: before and after it is guarded.
 *
 * @param {object} settings
 * @param {Kind} settings.kind
 * @param {Partial<import('socket.io').ServerOptions>} [settings.options]
 * @param {(io: Server) => void} [settings.before]
 * @param {(io: Server) => void} [settings.after]
 */
export async function openServer({ kind, options = {}, before, after }) {
  const http = createServer((_request, response) => response.writeHead(404).end())
  // A dynamic namespace under a guard demands the option.
  const io = new Server(http, { cleanupEmptyChildNamespaces: true, ...options })
  const namespaces = [...NAMESPACES.map((name) => io.of(name)), io.of(/^\/dynamic-\w+$/)]
  namespaces.push(io.of((name, auth, next) => next(null, name === `/for-${auth.team}`)))
  before?.(io)
  /** @type {import('portcullis').Auth | null} */
  let auth = null
  /** What the guard had to report: nothing, in any of these tests. @type {unknown[]} */
  const errors = []
  if (kind !== 'bare') {
    auth = createAuth({
      origins: [ORIGIN],
      strategies: [named, anonymous()],
      limits: { handshakesPerMinute: Number.POSITIVE_INFINITY, failuresPerMinute: Number.POSITIVE_INFINITY },
      onError: (error) => errors.push(error),
    })
    for (const namespace of namespaces) auth.protect(namespace, policyOf(kind))
  }
  after?.(io)
  // Each worker of a cluster on a port of its own, so that a test knows to whom it speaks.
  http.listen({ port: 0, host: '127.0.0.1', exclusive: true })
  await new Promise((resolve) => http.once('listening', () => resolve(undefined)))
  const { port } = /** @type {import('node:net').AddressInfo} */ (http.address())
  return {
    io,
    http,
    url: `http://127.0.0.1:${port}`,
    errors,
    async close() {
      await auth?.close()
      await io.close()
    },
  }
}

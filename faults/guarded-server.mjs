// @ts-check
/** A guarded server in a process of its own: told by its parent what to do over IPC, and asked what it holds. */

import { createServer } from 'node:http'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import expressSession from 'express-session'
import { AuthError, createAuth, permit, requireScope } from 'portcullis'
import { redis } from 'portcullis/revocations/redis'
import { fromAuth, fromAuthorization, readOne } from 'portcullis/strategies/from'
import { jwt } from 'portcullis/strategies/jwt'
import { session } from 'portcullis/strategies/session'
import { webhook } from 'portcullis/strategies/webhook'
import { createClient } from 'redis'
import { Server } from 'socket.io'
import {
  AUDIENCE,
  COOKIE_SECRET,
  HOOK_SECRET,
  ISSUER,
  ORIGIN,
  REVOCATION_SECRET,
  SESSION_ID,
  SESSION_USER,
  TOKEN_SECRET,
} from './credentials.mjs'
import { countsOf, held } from './held.mjs'

/** `unlimited`: no rate by client address, for crowds that have one. `engine`: options of Engine.IO. */
/** @typedef {{ unlimited?: boolean, engine?: object, limits?: Partial<import('../packages/portcullis/src/server/limits.ts').Limits>, redisUrl?: string, prefix?: string, verifyMs?: number, hookUrl?: string }} Settings */
/** @type {Settings} */
const {
  unlimited = false,
  engine = {},
  limits = {},
  redisUrl,
  prefix = 'faults',
  verifyMs = 5,
  hookUrl,
} = JSON.parse(process.env.SETTINGS ?? '{}')

const UNLIMITED = { handshakesPerMinute: Number.POSITIVE_INFINITY, failuresPerMinute: Number.POSITIVE_INFINITY }

const http = createServer()
// A crowd arrives at once: with Node's queue of 511 the kernel would drop connections, and that is not what is measured.
http.listen({ port: 0, host: '127.0.0.1', backlog: 16_384 })
await new Promise((resolve) => http.once('listening', resolve))
const io = new Server(http, engine)

/** What must not happen, as text. @type {string[]} */
const complaints = []

const sessions = new expressSession.MemoryStore()
sessions.set(SESSION_ID, /** @type {any} */ ({ cookie: { originalMaxAge: null }, passport: { user: SESSION_USER } }))

/** How many looked-up credentials are being verified, and how many at most were at once. */
const verifications = { now: 0, most: 0, total: 0 }

/** As an application would write one that asks its database: `auth.lookup`, good where it begins with `good`. */
const lookedUp = (() => {
  const from = [fromAuth('lookup')]
  return {
    scheme: 'lookup',
    from,
    maxLifetimeSeconds: 3_600,
    async authenticate(
      /** @type {import('portcullis').Handshake} */ handshake,
      /** @type {import('portcullis').Connect | null} */ connect,
    ) {
      const key = readOne(from, handshake, connect)
      if (key === null) return null
      verifications.total += 1
      verifications.now += 1
      verifications.most = Math.max(verifications.most, verifications.now)
      await new Promise((resolve) => setTimeout(resolve, verifyMs))
      verifications.now -= 1
      if (!key.startsWith('good')) throw new AuthError('AUTH_CREDENTIAL_INVALID')
      return {
        identity: { scheme: 'lookup', issuer: ISSUER, subject: key, claims: { scope: 'chat:write' } },
        lease: { id: key, issuedAt: Date.now() / 1000, expiresAt: null },
      }
    },
  }
})()

/** Decisions that were told; those who listen have more kept for them. */
let decisions = 0
const client = redisUrl === undefined ? null : createClient({ url: redisUrl, disableOfflineQueue: true })
client?.on('error', () => {})
await client?.connect()
const auth = createAuth({
  origins: [ORIGIN],
  strategies: [
    jwt({ issuer: ISSUER, audience: AUDIENCE, keys: TOKEN_SECRET }),
    session({
      store: sessions,
      secret: COOKIE_SECRET,
      identify: ({ passport }) => ({ subject: /** @type {any} */ (passport).user, issuedAt: 0 }),
    }),
    /** @type {any} */ (lookedUp),
    ...(hookUrl === undefined
      ? []
      : [webhook({ url: hookUrl, secret: HOOK_SECRET, issuer: ISSUER, from: [fromAuthorization('Hook')] })]),
  ],
  // Every client is on this machine: each gives an address of its own.
  trustedProxies: ['127.0.0.1'],
  limits: unlimited ? { ...UNLIMITED, ...limits } : limits,
  audit: () => {
    decisions += 1
  },
  onError: (error, where) => complaints.push(`${where}: ${error}`),
  ...(client === null ? {} : { revocations: redis({ client, secret: REVOCATION_SECRET, prefix }) }),
})
const chat = auth.protect(io.of('/chat'), {
  events: { ping: () => permit(), write: /** @type {any} */ (requireScope('chat:write')) },
  rooms: { 'room:{name}': () => permit() },
  memberships: ({ subject }) => [`of ${subject}`],
})
/** Subjects whose sockets reached the application. A hostile credential is never among them. */
let admitted = 0
let intruders = 0
chat.on('connection', (socket) => {
  const { subject } = socket.data.identity
  admitted += 1
  if (/intruder/.test(subject)) intruders += 1
  socket.on('ping', (/** @type {unknown} */ _payload, /** @type {unknown} */ ack) => {
    if (typeof ack === 'function') ack('pong')
  })
})

const delay = monitorEventLoopDelay({ resolution: 1 })
/** @type {Record<string, (given: any) => unknown>} */
const commands = {
  counts: () => countsOf(io, auth),
  held: ({ kinds }) => held(io, auth, kinds),
  facts: () => ({ admitted, intruders, decisions, verifications, complaints, clients: io.engine.clientsCount }),
  status: () => auth.status(),
  async revoke({ key, timeoutMs = 5_000 }) {
    const receipt = await auth.revoke(key, { timeoutMs })
    return { ...receipt, at: Date.now() }
  },
  watch: () => {
    delay.reset()
    delay.enable()
    return { at: performance.now() }
  },
  watched() {
    delay.disable()
    return { p50: delay.percentile(50) / 1e6, p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 }
  },
}
// From here on: what fails before ends the process, and its parent hears of that.
for (const event of ['unhandledRejection', 'uncaughtException']) {
  process.on(event, (/** @type {unknown} */ error) => complaints.push(`${event}: ${error}`))
}
process.on('message', async (/** @type {any} */ { id, command, ...given }) => {
  const answer = await commands[command]?.(given)
  process.send?.({ id, answer })
})
process.on('disconnect', () => process.exit())
process.send?.({ port: /** @type {import('node:net').AddressInfo} */ (http.address()).port })

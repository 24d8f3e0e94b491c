// @ts-check
/** The fuzzed process: two guarded Socket.IO servers that write down whom they admit and what reaches a listener. */

import { createServer } from 'node:http'
import expressSession from 'express-session'
import { createAuth, permit, permitIf } from 'portcullis'
import { jwt } from 'portcullis/strategies/jwt'
import { phpSession, phpUserId } from 'portcullis/strategies/php-session'
import { session } from 'portcullis/strategies/session'
import { Server } from 'socket.io'
import * as known from './credentials.mjs'
import { loopMeter } from './loop-meter.mjs'

/** @typedef {{ org?: unknown, role?: unknown }} Claims */
/** @typedef {{ input: string, kind: string, who: string, what: string }} Observed */

/** @type {Observed[]} */
const observed = []
/** @type {string[]} */
const errors = []
/** @type {Map<string, Buffer>} */
const phpSessions = new Map()
const store = new expressSession.MemoryStore()
for (const [who, sid] of Object.entries(known.SESSIONS)) {
  const user = who === 'nobody' ? undefined : { id: who.slice('session:'.length), ...known.PEOPLE.sara }
  store.set(sid, /** @type {never} */ ({ cookie: { originalMaxAge: null }, user }))
}

/** What phpredis would have written; the strategy only ever reads. */
const redis = {
  /** @param {string[]} command */
  async sendCommand([name, key = '']) {
    const bytes = phpSessions.get(key)
    return name === 'EXISTS' ? Number(bytes !== undefined) : (bytes ?? Buffer.alloc(0))
  },
}

function strategies() {
  return [
    jwt({
      issuers: { [known.HMAC_ISSUER]: { keys: known.HMAC_KEY }, [known.EDDSA_ISSUER]: { keys: known.EDDSA_KEY } },
      audience: known.AUDIENCE,
      maxLifetimeSeconds: 4e9,
    }),
    session({
      store,
      secret: known.COOKIE_SECRET,
      identify: ({ user }) => {
        const person = /** @type {{ id: string } & Claims | undefined} */ (user)
        return person ? { subject: person.id, claims: { org: person.org, role: person.role } } : null
      },
    }),
    phpSession({
      redis,
      identify: ({ user_id, proof }) => {
        const id = phpUserId(user_id)
        return id !== null && proof === known.PHP_PROOF
          ? { subject: id, claims: { org: 'acme', role: 'member' } }
          : null
      },
    }),
  ]
}

/** @param {{ identity: { claims: unknown } }} request */
const isAdmin = ({ identity }) => permitIf(/** @type {Claims} */ (identity.claims).role === 'admin')

const text = {
  '~standard': /** @type {const} */ ({
    version: 1,
    vendor: 'fuzz',
    /** @param {unknown} value */
    validate: (value) =>
      Array.isArray(value) && value.length === 1 && typeof value[0] === 'string'
        ? { value: [value[0]] }
        : { issues: [{ message: 'is no text' }] },
  }),
}

const policy = {
  events: {
    say: () => permit(),
    slow: async () => permit(),
    echo: () => permit(),
    bytes: () => permit(),
    hijacked: () => permit(),
    typed: { args: text, rule: () => permit() },
    admin: isAdmin,
  },
  rooms: {
    /** @param {{ identity: { claims: unknown }, params: { org: string } }} request */
    'org:{org}': ({ identity, params }) => permitIf(/** @type {Claims} */ (identity.claims).org === params.org),
    /** @param {{ identity: { subject: string }, params: { id: string } }} request */
    'user.{id}:{kind}': async ({ identity, params }) => permitIf(identity.subject === params.id),
  },
  /** @param {{ subject: string }} identity */
  memberships: ({ subject }) => [`member:${subject}`],
}

/** @param {number | null} deferMs */
async function start(deferMs) {
  const http = createServer()
  const io = new Server(http, {
    maxHttpBufferSize: 100_000,
    pingInterval: 1_000,
    pingTimeout: 1_000,
    cleanupEmptyChildNamespaces: true,
    connectionStateRecovery: { maxDisconnectionDuration: 2_000 },
  })
  const auth = createAuth({
    origins: [known.ORIGIN],
    strategies: strategies(),
    trustedProxies: ['127.0.0.1'],
    limits: { connectTimeoutMs: 2_000, handshakesPerMinute: 6_000, failuresPerMinute: 600 },
    audit: () => {},
    onError: (error, where) => errors.push(`${where}: ${error instanceof Error ? error.stack : String(error)}`),
    ...(deferMs === null ? {} : { deferMs }),
  })
  io.engine.on('connection', ({ transport }) => {
    // Engine.IO keeps the timer of a polling session that it closes itself for half a minute.
    transport.closeTimeout = 1_000
  })
  await auth.revoke({ issuer: known.HMAC_ISSUER, subject: 'carol' })
  const chat = /** @type {import('socket.io').Namespace} */ (io.of('/chat'))
  const spaces = [chat, io.of('/admin'), io.of('/'), io.of(/^\/t-\d+$/)]
  for (const nsp of spaces) nsp.on('connection', listen)
  auth.protect(chat, /** @type {never} */ (policy))
  auth.protect(io.of('/admin'), { events: {}, connect: isAdmin })
  auth.protect(/** @type {never} */ (spaces[3]), { events: {} })
  await new Promise((resolve) => http.listen(0, '127.0.0.1', () => resolve(undefined)))
  const { port } = /** @type {import('node:net').AddressInfo} */ (http.address())
  return { io, auth, chat, port, namespaces: io._nsps.size }
}

/** @param {import('socket.io').Socket} socket */
function listen(socket) {
  const input = String(socket.handshake.headers['x-input'])
  const { scheme = 'nobody', subject = '' } = socket.data.identity ?? {}
  const who = `${scheme}:${subject}`
  observed.push({ input, kind: 'admitted', who, what: socket.nsp.name })
  socket.onAny((event) => observed.push({ input, kind: 'handled', who, what: String(event) }))
  socket.on('echo', (...args) => {
    const ack = args.at(-1)
    if (typeof ack === 'function') ack(...args.slice(0, -1))
    else socket.emit('echoed', ...args)
  })
  for (const event of ['say', 'slow', 'bytes', 'typed', 'admin', 'never']) socket.on(event, () => {})
}

const servers = { plain: await start(null), deferred: await start(1_500) }
const meter = loopMeter()

/** Whom a broadcast reaches is for the client to say; who is in which room, for the server. */
function lookAround() {
  for (const { chat } of Object.values(servers)) {
    for (const org of ['acme', 'globex']) chat.to(`org:${org}`).emit('canary', org)
    chat.emit('hello')
    for (const socket of chat.sockets.values()) {
      const { scheme, subject, claims } = socket.data.identity ?? { scheme: 'nobody', subject: '', claims: {} }
      for (const room of socket.rooms) {
        const own = [socket.id, `member:${subject}`, `org:${claims.org}`].includes(room)
        if (own || room.startsWith(`user.${subject}:`)) continue
        observed.push({
          input: String(socket.handshake.headers['x-input']),
          kind: 'joined',
          who: `${scheme}:${subject}`,
          what: room,
        })
      }
    }
  }
}

/** How much there is of what must be none when nobody is connected. */
function leftovers() {
  /** @type {Record<string, number>} */
  const left = {}
  for (const [name, { io, auth, namespaces }] of Object.entries(servers)) {
    const { sockets, connecting } = auth.status()
    Object.assign(left, {
      [`${name}: sockets`]: sockets,
      [`${name}: connecting`]: connecting,
      [`${name}: engine clients`]: /** @type {{ clientsCount: number }} */ (/** @type {unknown} */ (io.engine))
        .clientsCount,
      [`${name}: namespaces made`]: io._nsps.size - namespaces,
    })
    for (const nsp of io._nsps.values()) {
      const { _preConnectSockets } = /** @type {{ _preConnectSockets: Map<string, unknown> }} */ (
        /** @type {unknown} */ (nsp)
      )
      left[`${name}: pending in ${nsp.name}`] = _preConnectSockets.size
      left[`${name}: sockets of ${nsp.name}`] = nsp.sockets.size
      left[`${name}: rooms of ${nsp.name}`] = nsp.adapter.rooms.size + nsp.adapter.sids.size
    }
  }
  return left
}

const answers = {
  /** Some turns of the loop later: what had arrived before has been dealt with. */
  async turn() {
    for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    lookAround()
    await new Promise((resolve) => setImmediate(resolve))
  },
  /** @param {{ sid: string, bytes: string }} php */
  put: ({ sid, bytes }) => void phpSessions.set(`PHPREDIS_SESSION:${sid}`, Buffer.from(bytes, 'base64')),
  /** What was seen since the last time. */
  async mark() {
    await answers.turn()
    phpSessions.clear()
    return { ...meter.read(), observed: observed.splice(0), errors: errors.splice(0) }
  },
  async state() {
    const connections = await Promise.all(Object.values(servers).map(({ auth }) => auth.connections()))
    const timers = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
    return { leftovers: leftovers(), timers, connections: connections.map((page) => page.connections.length) }
  },
}

process.on(
  'message',
  async (/** @type {{ id: number, ask: keyof typeof answers, body: never }} */ { id, ask, body }) => {
    process.send?.({ id, answer: (await answers[ask](body)) ?? null })
  },
)
process.on('disconnect', () => process.exit(0))
process.send?.({ ports: { plain: servers.plain.port, deferred: servers.deferred.port } })

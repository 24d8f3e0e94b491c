// @ts-check
/** One node of a cluster, in a process of its own: told what to do over IPC, and asked what it saw. */

import { createServer } from 'node:http'
import { createAdapter } from '@socket.io/redis-streams-adapter'
import { AuthError, createAuth, permit } from 'portcullis'
import { redis } from 'portcullis/revocations/redis'
import { fromAuth, readOne } from 'portcullis/strategies/from'
import { createClient } from 'redis'
import { Server } from 'socket.io'

const { REDIS_PORT, PREFIX = 'chaos', STALENESS_MS = '1000', RECOVERY = '', UNFENCED = '' } = process.env
const SECRET = 'a secret of thirty-two characters'

const socket = { host: '127.0.0.1', port: Number(REDIS_PORT), reconnectStrategy: () => 50, connectTimeout: 500 }
/** Fails at once while Redis is away, and tries again soon. */
const client = createClient({ socket, disableOfflineQueue: true, commandsQueueMaxLength: 1_000 })
client.on('error', () => {})
// It reads in a loop without a pause: commands that failed at once would leave the process no time for anything else.
const adapterClient = createClient({ socket })
adapterClient.on('error', () => {})
// @socket.io/redis-streams-adapter 0.3 leaves the promise of the SET that keeps a session to nobody: a Redis that is killed meanwhile
// would end the process.
const set = adapterClient.set.bind(adapterClient)
Object.assign(adapterClient, {
  set: (/** @type {Parameters<typeof set>} */ ...args) => set(...args).catch(() => null),
})
await Promise.all([client.connect(), adapterClient.connect()])

/** A token is `subject.issuedAt`. @type {import('portcullis').Strategy} */
const tokens = {
  scheme: 'token',
  from: [fromAuth('token')],
  maxLifetimeSeconds: 3_600,
  async authenticate(handshake, connect) {
    const token = readOne(this.from, handshake, connect)
    if (token === null) return null
    const [subject, issuedAt] = token.split('.')
    if (!subject || !issuedAt) throw new AuthError('AUTH_CREDENTIAL_INVALID')
    // Somebody who looks a user up takes a moment: it is in here that revocations get lost.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 5))
    return {
      identity: { scheme: 'token', issuer: 'chaos', subject, claims: {} },
      lease: { id: token, issuedAt: Number(issuedAt), expiresAt: null },
    }
  },
}

const http = createServer()
const io = new Server(http, {
  adapter: createAdapter(adapterClient, { streamName: `${PREFIX}:adapter`, readCount: 1_000 }),
  ...(RECOVERY === '' ? {} : { connectionStateRecovery: { maxDisconnectionDuration: 60_000 } }),
  pingInterval: 60_000,
})
http.listen(0, '127.0.0.1')
await new Promise((resolve) => http.once('listening', () => resolve(undefined)))

const log = redis({ client, secret: SECRET, prefix: `${PREFIX}:log` })
/** To show that leaks would be found: a node that claims to suspend itself in time, and does not. */
const boastful = {
  ...log,
  sync: (/** @type {import('portcullis').Heartbeat} */ heartbeat) =>
    log.sync({ ...heartbeat, maxStalenessMs: Number(STALENESS_MS) }),
}

const auth = createAuth({
  origins: ['https://app.example'],
  strategies: [tokens],
  revocations: UNFENCED === '' ? log : boastful,
  cluster: { maxStalenessMs: UNFENCED === '' ? Number(STALENESS_MS) : 60_000, suspendedForMs: 60_000 },
  limits: { handshakesPerMinute: Number.POSITIVE_INFINITY, failuresPerMinute: Number.POSITIVE_INFINITY },
  onError: () => {},
})
auth.protect(io.of('/'), {
  events: { say: () => permit() },
  memberships: ({ subject }) => [`of ${subject}`, 'everyone'],
})

/** When this node last handed an event of a subject to the application. @type {Map<string, number>} */
const accepted = new Map()
io.on('connection', (socket) => {
  socket.on('say', (answer) => {
    accepted.set(socket.data.identity.subject, Date.now())
    answer?.('heard')
  })
})
// Sent by each node to its own sockets and to those of all nodes, with the time of the call.
let count = 0
setInterval(() => {
  count += 1
  try {
    io.local.to('everyone').emit('news', { at: Date.now(), from: process.pid, count })
    if (count % 5 === 0) io.to('everyone').emit('news', { at: Date.now(), from: process.pid, count })
  } catch {
    // The adapter has no connection.
  }
}, 10)

/** @type {Record<string, (given: any) => unknown>} */
const commands = {
  async revoke({ subject, timeoutMs }) {
    const receipt = await auth.revoke({ issuer: 'chaos', subject }, { timeoutMs })
    return { ...receipt, at: Date.now() }
  },
  accepted: ({ subject }) => accepted.get(subject) ?? 0,
  sessions: ({ subject }) => auth.sessions({ issuer: 'chaos', subject }),
}

process.on('message', async (/** @type {any} */ { id, command, given }) => {
  try {
    process.send?.({ id, answer: await commands[command]?.(given) })
  } catch (error) {
    process.send?.({ id, failure: AuthError.is(error) ? error.code : String(error) })
  }
})
process.on('disconnect', () => process.exit())
process.send?.({ port: /** @type {import('node:net').AddressInfo} */ (http.address()).port })

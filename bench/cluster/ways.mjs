// @ts-check
/** Three ways to end a subject on every node: a message on Redis with a Map, Socket.IO's adapter, Portcullis. */

import { createServer } from 'node:http'
import { createAdapter } from '@socket.io/redis-adapter'
import { createAuth } from 'portcullis'
import { redis } from 'portcullis/revocations/redis'
import { fromAuth } from 'portcullis/strategies/from'
import { Server } from 'socket.io'
import { LIMITS } from '../servers/limits.mjs'
import { SECRET_TEXT } from '../tokens.mjs'

/** @typedef {Awaited<ReturnType<typeof import('../servers/redis.mjs').redisClient>>} Client */
/** @typedef {{ client: Client, subscriber: Client, prefix: string, pause: (subject: string) => Promise<void> }} Means */
/** @typedef {{ port: number, end: (subject: string) => Promise<any> }} Way */

export const ISSUER = 'bench'

/** @type {Record<string, (means: Means) => Promise<Way>>} */
export const WAYS = {
  async 'pub/sub and a Map'({ client, subscriber, prefix, pause }) {
    const { io, port } = await listen()
    /** @type {Map<string, Set<import('socket.io').Socket>>} */
    const bySubject = new Map()
    const channel = `${prefix}end`
    admitAfter(io, pause)
    io.of('/chat').on('connection', (socket) => {
      const { subject } = socket.data
      const sockets = bySubject.get(subject) ?? new Set()
      bySubject.set(subject, sockets.add(socket))
      socket.on('disconnect', () => {
        sockets.delete(socket)
        if (sockets.size === 0) bySubject.delete(subject)
      })
    })
    await subscriber.subscribe(channel, (subject) => {
      for (const socket of [...(bySubject.get(subject) ?? [])]) socket.disconnect(true)
    })
    return { port, end: (subject) => client.publish(channel, subject) }
  },

  async '@socket.io/redis-adapter, disconnectSockets'({ client, subscriber, prefix, pause }) {
    const { io, port } = await listen({ adapter: createAdapter(client, subscriber, { key: `${prefix}adapter` }) })
    admitAfter(io, pause)
    io.of('/chat').on('connection', (socket) => void socket.join(`user:${socket.data.subject}`))
    return {
      port,
      async end(subject) {
        io.of('/chat').in(`user:${subject}`).disconnectSockets(true)
        // It does not wait for Redis; what is asked later on the same connection is answered later.
        await client.ping()
      },
    }
  },

  async portcullis({ client, subscriber, prefix, pause }) {
    const { io, port } = await listen()
    /** Believes every token, after a pause. @type {import('portcullis').Strategy} */
    const believing = {
      scheme: 'believing',
      from: [fromAuth('token')],
      maxLifetimeSeconds: 3_600,
      async authenticate(_handshake, connect) {
        if (connect === null) return null
        const subject = String(connect.auth.token)
        await pause(subject)
        return {
          identity: { scheme: 'believing', issuer: ISSUER, subject, claims: {} },
          lease: { id: subject, issuedAt: Date.now() / 1000 - 600, expiresAt: null },
        }
      },
    }
    const auth = createAuth({
      origins: ['https://app.example'],
      strategies: [believing],
      revocations: redis({ client, subscriber, secret: SECRET_TEXT, prefix: `${prefix}log` }),
      limits: LIMITS,
      onError: () => {},
    })
    auth.protect(io.of('/chat'), { events: {} })
    return { port, end: (subject) => auth.revoke({ issuer: ISSUER, subject }, { timeoutMs: 20_000 }) }
  },
}

/** @param {Server} io @param {(subject: string) => Promise<void>} pause */
function admitAfter(io, pause) {
  io.of('/chat').use((socket, next) => {
    const subject = String(socket.handshake.auth.token)
    socket.data.subject = subject
    pause(subject).then(() => next())
  })
}

/** @param {Partial<import('socket.io').ServerOptions>} [options] */
async function listen(options = {}) {
  const http = createServer()
  const io = new Server(http, { serveClient: false, transports: ['websocket'], ...options })
  await new Promise((resolve) => http.listen(0, '127.0.0.1', () => resolve(undefined)))
  return { io, port: /** @type {import('node:net').AddressInfo} */ (http.address()).port }
}

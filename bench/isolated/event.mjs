// @ts-check
/** Packets handed to real Socket.IO sockets in this process, nothing on the wire: nanoseconds of CPU for each. */

import { createServer } from 'node:http'
import { createAuth, permit, requireScope } from 'portcullis'
import { Server } from 'socket.io'
import { answer, cpuMicroseconds } from '../child.mjs'
import { ORIGIN } from '../credentials.mjs'
import { enter } from '../fake-engine.mjs'
import { portcullisStrategy } from '../servers/jwt.mjs'
import { LIMITS } from '../servers/limits.mjs'
import { freshTokens } from '../tokens.mjs'

/** @typedef {(io: Server) => void} Install */

const PACKETS_PER_SLICE = 5_000

/** @type {Record<string, Install>} */
const VARIANTS = {
  bare: () => {},
  'bare again': () => {},
  'socket.use, synchronous': (io) => {
    io.of('/chat').on('connection', (socket) => {
      socket.data.user = { scope: 'chat:write' }
      socket.use((_event, next) => (socket.data.user.scope === 'chat:write' ? next() : next(new Error('forbidden'))))
    })
  },
  'socket.use, asynchronous': (io) => {
    io.of('/chat').on('connection', (socket) => {
      socket.data.user = { scope: 'chat:write' }
      const allowed = async () => socket.data.user.scope === 'chat:write'
      socket.use(async (_event, next) => ((await allowed()) ? next() : next(new Error('forbidden'))))
    })
  },
  'portcullis, () => permit()': (io) => guarded(io, () => permit(), {}),
  'portcullis, requireScope': (io) => guarded(io, requireScope('chat:write'), {}),
  // Every decision is handed to a function that looks at none.
  'portcullis, () => permit(), decision log on': (io) => guarded(io, () => permit(), { audit: () => {} }),
}

/** @param {Server} io @param {any} rule @param {{ audit?: () => void }} options */
function guarded(io, rule, options) {
  const auth = createAuth({ origins: [ORIGIN], strategies: [portcullisStrategy('HS256')], limits: LIMITS, ...options })
  auth.protect(io.of('/chat'), { events: { ping: rule } })
}

/** @param {{ rounds: number, slices: number }} settings @returns {Promise<Record<string, number[]>>} */
async function run({ rounds, slices }) {
  const servers = []
  for (const [name, install] of Object.entries(VARIANTS)) servers.push({ name, ...(await connected(install)) })
  /** @type {Record<string, number[]>} */
  const figures = Object.fromEntries(Object.keys(VARIANTS).map((name) => [name, []]))
  for (let round = -3; round < rounds; round += 1) {
    const spent = new Map(servers.map(({ name }) => [name, 0]))
    for (let slice = 0; slice < slices; slice += 1) {
      for (let turn = 0; turn < servers.length; turn += 1) {
        const server = servers[(turn + slice) % servers.length]
        if (server === undefined) throw new Error('no such server')
        const before = cpuMicroseconds()
        await feed(server)
        spent.set(server.name, (spent.get(server.name) ?? 0) + cpuMicroseconds() - before)
      }
    }
    for (const [name, us] of spent) if (round >= 0) figures[name]?.push((us * 1000) / (slices * PACKETS_PER_SLICE))
  }
  for (const { io } of servers) await io.close()
  return figures
}

/** A tick in between keeps the queue of deliveries short. @param {Awaited<ReturnType<typeof connected>> & { name: string }} server */
async function feed({ name, socket, heard }) {
  const before = heard()
  for (let sent = 0; sent < PACKETS_PER_SLICE; sent += 500) {
    for (let i = 0; i < 500; i += 1) socket._onpacket({ type: 2, nsp: '/chat', data: ['ping', { text: 'hello' }] })
    await new Promise((resolve) => setImmediate(resolve))
  }
  while (heard() - before < PACKETS_PER_SLICE) {
    if (!socket.connected) throw new Error(`the socket of “${name}” was disconnected`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** A server with one socket. @param {Install} install */
async function connected(install) {
  const http = createServer()
  const io = new Server(http, { transports: ['websocket'], serveClient: false })
  await new Promise((resolve) => http.listen(0, '127.0.0.1', () => resolve(undefined)))
  install(io)
  const connection = new Promise((resolve) => io.of('/chat').once('connection', resolve))
  await enter(io, '/chat', { token: freshTokens(1)[0] })
  const socket = /** @type {any} */ (await connection)
  let count = 0
  socket.on('ping', () => {
    count += 1
  })
  return { io, socket, heard: () => count }
}

answer({ run })

/** What the event gate adds to one event: packets handed to real Socket.IO sockets in this process, nothing on the wire. */

import { createServer } from 'node:http'
import { createAuth, permit, requireScope } from 'portcullis'
import { jwt } from 'portcullis/strategies/jwt'
import { Server } from 'socket.io'
import { AUDIENCE, freshTokens, ISSUER, ORIGIN, TOKEN_SECRET } from './fixtures.mjs'
import { open } from './load.mjs'

const PACKETS = 50_000

/** Each variant twice over, so that the second bare row shows what is noise. */
const VARIANTS = {
  bare: null,
  'bare again': null,
  'socket.use, synchronous': 'use',
  'portcullis, () => permit()': () => permit(),
  'portcullis, requireScope': requireScope('chat:write'),
}

export async function compareEvents(rounds, table) {
  const sockets = []
  const closers = []
  for (const [variant, rule] of Object.entries(VARIANTS)) {
    const { socket, close } = await connected(rule)
    sockets.push({ variant, socket })
    closers.push(close)
  }
  const figures = sockets.map(() => [])
  for (let round = -2; round < rounds; round += 1) {
    for (const [i, { socket }] of sockets.entries()) {
      const us = await feed(socket)
      if (round >= 0) figures[i].push((us / PACKETS) * 1000)
    }
  }
  for (const close of closers) await close()
  return table('Event with a synchronous rule, in process', 'ns per event', sockets, figures)
}

/** Microseconds for all packets, handlers included. A tick in between keeps the queue of deliveries short. */
async function feed(socket) {
  const started = process.hrtime.bigint()
  for (let sent = 0; sent < PACKETS; sent += 500) {
    for (let i = 0; i < 500; i += 1) socket._onpacket({ type: 2, nsp: '/chat', data: ['ping', { text: 'hello' }] })
    await new Promise(setImmediate)
  }
  return Number(process.hrtime.bigint() - started) / 1000
}

async function connected(rule) {
  const http = createServer()
  const io = new Server(http, { transports: ['websocket'] })
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve))
  const guarded = typeof rule === 'function'
  const chat = io.of('/chat')
  if (guarded) {
    const auth = createAuth({
      origins: [ORIGIN],
      strategies: [jwt({ issuer: ISSUER, audience: AUDIENCE, keys: TOKEN_SECRET })],
    })
    auth.protect(chat, { events: { ping: rule } })
  }
  const connection = new Promise((resolve) => chat.once('connection', resolve))
  const [token] = await freshTokens(1)
  const client = await open(http.address().port, token, false)
  const socket = await connection
  if (rule === 'use') socket.use((_event, next) => (socket.data ? next() : next(new Error('forbidden'))))
  socket.on('ping', () => {})
  return {
    socket,
    close: async () => {
      client.terminate()
      await io.close()
    },
  }
}

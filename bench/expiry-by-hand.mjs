// @ts-check
/** Sockets that each have a timer for the end of their token, as people write it: what others notice when all ring at once. */

import { createServer } from 'node:http'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { Server } from 'socket.io'
import { enter } from './fake-engine.mjs'

/** Until the timers ring, once all are set. */
const LEAD_MS = 500
/** So long before is the event loop looked at, as in `expireMany`. */
const LOOK_MS = 50

/** As `expireMany`, with rooms that each has joined. @param {number} count @param {string[]} rooms */
export async function expireByHand(count, rooms) {
  const http = createServer()
  const io = new Server(http, { serveClient: false })
  await new Promise((resolve) => http.listen(0, '127.0.0.1', () => resolve(undefined)))
  io.of('/chat').on('connection', (socket) => socket.join(rooms))
  /** @type {number[]} */
  const closedMs = []
  let expiresAtMs = 0
  for (let i = 0; i < count; i += 1) {
    const socket = await enter(io, '/chat', { token: `user-${i}` })
    socket.once('close', () => closedMs.push(Date.now() - expiresAtMs))
  }
  expiresAtMs = Date.now() + LEAD_MS
  for (const socket of io.of('/chat').sockets.values()) {
    const timer = setTimeout(() => {
      socket.emit('closed', { code: 'expired' })
      socket.disconnect(true)
    }, expiresAtMs - Date.now())
    socket.on('disconnect', () => clearTimeout(timer))
  }
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, expiresAtMs - LOOK_MS - Date.now())))
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const { user: before } = process.cpuUsage()
  const started = performance.now()
  while (closedMs.length < count && performance.now() - started < 30_000) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  const cpuMs = (process.cpuUsage().user - before) / 1000
  delay.disable()
  await io.close()
  return {
    count: closedMs.length,
    firstMs: closedMs[0],
    lastMs: closedMs.at(-1),
    cpuMs,
    delayMs: { p50: delay.percentile(50) / 1e6, p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 },
  }
}

// @ts-check
/** Sockets whose leases end in one second: when the last is closed, and what others notice. `node bench/expiry.mjs [count]` */

import { createServer } from 'node:http'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { pathToFileURL } from 'node:url'
import { createAuth, permit } from 'portcullis'
import { fromAuth } from 'portcullis/strategies/from'
import { Server } from 'socket.io'
import { enter } from './fake-engine.mjs'

/** Longer than connecting takes. */
const LEASE_SECONDS = 600
/** What is left of it when all have connected and the clock is set forward: time for the notices. */
const LEAD_MS = 2_500

/**
 * A strategy whose credentials are all good until one moment.
 *
 * @param {number} expiresAt epoch seconds
 * @returns {import('portcullis').Strategy}
 */
function ending(expiresAt) {
  return {
    scheme: 'ending',
    from: [fromAuth('token')],
    maxLifetimeSeconds: 3_600,
    authenticate: async (_handshake, connect) =>
      connect && {
        identity: {
          scheme: 'ending',
          issuer: 'https://issuer.example',
          subject: String(connect.auth.token),
          claims: {},
        },
        lease: { id: String(connect.auth.token), issuedAt: 0, expiresAt },
      },
  }
}

/**
 * Milliseconds from the end of the leases to the first and the last close, and the delay of the event loop meanwhile.
 *
 * @param {number} count
 * @param {string[]} rooms joined by each
 */
export async function expireMany(count, rooms = []) {
  const http = createServer()
  const io = new Server(http)
  await new Promise((resolve) => http.listen(0, '127.0.0.1', () => resolve(undefined)))
  let leaptMs = 0
  const now = () => Date.now() + leaptMs
  const setTimer = (/** @type {() => void} */ fn, /** @type {number} */ delayMs) => {
    const timer = setTimeout(fn, delayMs).unref()
    return () => clearTimeout(timer)
  }
  const clock = { now, monotonic: () => performance.now(), setTimer }
  const expiresAt = Math.ceil(now() / 1000) + LEASE_SECONDS
  const limits = { handshakesPerMinute: Number.POSITIVE_INFINITY }
  const auth = createAuth({ origins: ['https://app.example'], strategies: [ending(expiresAt)], limits, clock })
  auth.protect(io.of('/chat'), { events: {}, rooms: { 'room:{name}': () => permit() } })
  /** @type {number[]} */
  const closedMs = []
  /** @type {Map<string, number>} */
  const reasons = new Map()
  const sent = (/** @type {string} */ frame) => {
    if (!frame.startsWith('2/chat,["auth:closed"')) return
    const { code } = JSON.parse(frame.slice(7))[1]
    reasons.set(code, (reasons.get(code) ?? 0) + 1)
  }
  for (let i = 0; i < count; i += 1) {
    const socket = await enter(io, '/chat', { token: `user-${i}` }, sent)
    if (rooms.length > 0) socket.emit('data', `2/chat,0${JSON.stringify(['auth:join', rooms])}`)
    socket.once('close', () => closedMs.push(now() - expiresAt * 1000))
  }
  leaptMs = expiresAt * 1000 - LEAD_MS - Date.now()
  await wait(LEAD_MS - 50)
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const { user: before } = process.cpuUsage()
  const started = performance.now()
  while (closedMs.length < count && performance.now() - started < 30_000) await wait(10)
  const cpuMs = (process.cpuUsage().user - before) / 1000
  delay.disable()
  await auth.close()
  await io.close()
  return {
    count: closedMs.length,
    reasons: Object.fromEntries(reasons),
    firstMs: closedMs[0],
    lastMs: closedMs.at(-1),
    cpuMs,
    delayMs: { p50: delay.percentile(50) / 1e6, p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 },
  }
}

/** @param {number} ms */
function wait(ms) {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  console.log(await expireMany(Number(process.argv[2] ?? 10_000)))
}

// @ts-check
/** Random revocations among random faults, on real processes: what is delivered or accepted after a receipt is a leak. */

import { io } from 'socket.io-client'
import { startCluster } from './cluster.mjs'

/** So many people are revoked, each in a run of its own, while one fault lasts. */
const RUNS_PER_FAULT = 10
const FAULTS = ['none', 'cut', 'silence', 'stop', 'kill redis', 'cut all']
/** How long after a fault everything has to be as it should. Milliseconds. */
const HEALED_WITHIN_MS = 8_000

/**
 * @typedef {object} Report
 * @property {number} runs
 * @property {number} complete receipts that were complete
 * @property {number} partial
 * @property {number} rejected revocations whose log did not answer in time
 * @property {string[]} leaks what was delivered to, or accepted from, somebody after the receipt
 * @property {string[]} lost whom a revocation of somebody else hit, or who did not come back
 * @property {string[]} alive who was revoked, and connected again or never heard of it
 * @property {number} recovered
 * @property {Record<string, number>} faults
 */

/**
 * `unfenced`: nodes that do not suspend themselves, to show that leaks are found; ends with the first.
 *
 * @param {{ runs: number, seed?: number, recovery?: boolean, unfenced?: boolean, stalenessMs?: number, faults?: string[], log?: (line: string) => void }} options
 * @returns {Promise<Report>}
 */
export async function chaos(options) {
  const {
    runs,
    seed = 1,
    recovery = false,
    unfenced = false,
    stalenessMs = 400,
    faults = FAULTS,
    log = () => {},
  } = options
  const random = randomOf(seed)
  const cluster = await startCluster({ stalenessMs, recovery, unfenced })
  /** @type {Report} */
  const report = {
    runs: 0,
    complete: 0,
    partial: 0,
    rejected: 0,
    leaks: [],
    lost: [],
    alive: [],
    recovered: 0,
    faults: {},
  }
  try {
    while (report.runs < runs && !(unfenced && report.leaks.length > 0)) {
      const fault = faults[Math.floor(random() * faults.length)] ?? 'none'
      report.faults[fault] = (report.faults[fault] ?? 0) + 1
      await round(cluster, { fault, random, stalenessMs, report, count: Math.min(RUNS_PER_FAULT, runs - report.runs) })
      log(
        `${report.runs} runs, ${fault}: ${report.leaks.length} leaks, ${report.lost.length} lost, ${report.alive.length} alive`,
      )
    }
  } finally {
    await cluster.stop()
  }
  return report
}

/** @param {Awaited<ReturnType<typeof startCluster>>} cluster @param {any} options */
async function round(cluster, { fault, random, stalenessMs, report, count }) {
  const { nodes } = cluster
  const pick = () => nodes[Math.floor(random() * nodes.length)] ?? /** @type {never} */ (undefined)
  const people = Array.from({ length: count }, (_, i) => person(`${report.runs + i}v`, pick, random))
  const bystanders = nodes.map((node, i) => person(`${report.runs}b${i}`, () => node, random))
  await Promise.all([...people, ...bystanders].map(({ connected }) => connected))

  const struck = pick()
  await strike(cluster, fault, struck)
  const revoked = people.map(async ({ subject, blip }) => {
    await passed(random() * stalenessMs)
    if (random() < 0.5) blip()
    const from = fault === 'stop' ? nodes.find((node) => node !== struck) : pick()
    try {
      return await /** @type {any} */ (from).tell('revoke', { subject, timeoutMs: stalenessMs * 3 })
    } catch {
      return null
    } finally {
      if (random() < 0.5) blip()
    }
  })
  // Sometimes the fault is over before the fence, sometimes after.
  await passed(stalenessMs * (0.2 + 2 * random()))
  await heal(cluster, fault, struck)
  const receipts = await Promise.all(revoked)
  for (const { blip } of people) if (random() < 0.3) blip()

  await Promise.all(
    people.map(async ({ subject, wasRevoked }) => {
      if (!(await within(HEALED_WITHIN_MS, wasRevoked))) report.alive.push(`${subject} (${fault})`)
    }),
  )
  for (const [i, { subject, lastSentAt, hits }] of people.entries()) {
    const receipt = receipts[i]
    report.recovered += hits().recovered
    if (receipt === null) report.rejected += 1
    else if (!receipt.complete) report.partial += 1
    else {
      report.complete += 1
      const accepted = Math.max(...(await Promise.all(nodes.map((node) => node.tell('accepted', { subject })))))
      if (lastSentAt() > receipt.at)
        report.leaks.push(`${subject} heard after ${lastSentAt() - receipt.at} ms (${fault})`)
      if (accepted > receipt.at) report.leaks.push(`${subject} was heard after ${accepted - receipt.at} ms (${fault})`)
    }
  }
  await Promise.all(
    bystanders.map(async ({ subject, isServed, hits }) => {
      if (!(await within(HEALED_WITHIN_MS, isServed))) report.lost.push(`${subject} is not served (${fault})`)
      if (hits().revoked > 0) report.lost.push(`${subject} was revoked (${fault})`)
    }),
  )
  for (const { stop } of [...people, ...bystanders]) stop()
  report.runs += count
}

/** @param {Awaited<ReturnType<typeof startCluster>>} cluster @param {string} fault @param {import('./cluster.mjs').Node} struck */
async function strike({ nodes, redis }, fault, struck) {
  if (fault === 'cut') struck.proxy.cut()
  if (fault === 'silence') struck.proxy.silence()
  if (fault === 'stop') struck.signal('SIGSTOP')
  if (fault === 'kill redis') await redis.kill()
  if (fault === 'cut all') for (const { proxy } of nodes) proxy.cut()
}

/** @param {Awaited<ReturnType<typeof startCluster>>} cluster @param {string} fault @param {import('./cluster.mjs').Node} struck */
async function heal({ nodes, redis }, fault, struck) {
  if (fault === 'stop') struck.signal('SIGCONT')
  if (fault === 'kill redis') await redis.restart()
  for (const { proxy } of nodes) proxy.heal()
}

/**
 * A client that says something all the time, and connects again, anywhere, whatever happens.
 *
 * @param {string} subject @param {() => import('./cluster.mjs').Node} pick @param {() => number} random
 */
function person(subject, pick, random) {
  const token = `${subject}.${Math.floor(Date.now() / 1000) - 1}`
  let lastSentAt = 0
  let stopped = false
  let heardAt = 0
  const hits = { revoked: 0, recovered: 0 }
  const socket = io(pick().url, {
    auth: { token },
    transports: ['websocket'],
    forceNew: true,
    reconnectionDelay: 20,
    reconnectionDelayMax: 100,
  })
  const noteCode = (/** @type {any} */ refusal) => {
    if (refusal?.code === 'AUTH_REVOKED') hits.revoked += 1
  }
  const again = () => {
    if (stopped || hits.revoked > 0) return
    setTimeout(
      () => {
        if (stopped || socket.active) return
        socket.connect()
      },
      20 + 50 * random(),
    )
  }
  const connected = new Promise((resolve) => socket.once('connect', () => resolve(undefined)))
  socket.on('connect', () => {
    if (socket.recovered) hits.recovered += 1
  })
  socket.on('connect_error', (/** @type {any} */ error) => {
    noteCode(error.data)
    again()
  })
  socket.on('disconnect', again)
  socket.on('auth:closed', noteCode)
  socket.on('news', ({ at }) => {
    lastSentAt = Math.max(lastSentAt, at)
  })
  const saying = setInterval(() => {
    if (!socket.connected) return
    socket.emit('say', (/** @type {unknown} */ answer) => {
      if (answer === 'heard') heardAt = Date.now()
    })
  }, 15)
  return {
    subject,
    connected,
    lastSentAt: () => lastSentAt,
    hits: () => hits,
    wasRevoked: () => hits.revoked > 0,
    isServed: () => Date.now() - heardAt < 200,
    /** The network fails for a moment; sometimes another node answers afterwards. */
    blip() {
      // An engine that is closed while it opens says nothing, and its manager waits for ever.
      if (!socket.connected) return
      if (random() < 0.5) /** @type {any} */ (socket.io).uri = pick().url
      socket.io.engine?.close()
      // Closed by the client itself, the manager would not try again.
      again()
    },
    stop() {
      stopped = true
      clearInterval(saying)
      socket.disconnect()
    },
  }
}

/** @param {number} ms @param {() => boolean} condition */
async function within(ms, condition) {
  const endAt = Date.now() + ms
  while (!condition()) {
    if (Date.now() > endAt) return false
    await passed(10)
  }
  return true
}

/** @param {number} ms */
function passed(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** The same numbers for the same seed (mulberry32). @param {number} seed */
function randomOf(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

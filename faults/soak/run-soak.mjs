// @ts-check
/** So many handshakes against one guarded server, half of them hostile, and what it holds before and afterwards. */

import { tokensOf } from '../credentials.mjs'
import { startGuarded, until } from '../processes.mjs'
import { GOOD } from './good.mjs'
import { HOSTILE, LINGERING } from './hostile.mjs'

/** Clients at once. */
const WIDTH = 32
/** Of those who leave the rest to the server's time limits. */
const MAX_LINGERING = 1_000
/** The default limits count by the minute: until a minute after the last handshake something is kept of each address. */
const CALM_WITHIN_MS = 90_000

/** @typedef {Awaited<ReturnType<typeof soak>>} SoakReport */
/** @typedef {import('../held.mjs').Held} Held */

/** Engine.IO 6.6 keeps a timer of half a minute of a polling session that ended by an error. */
const NOT_BRIEF = 'posts garbage'
/** Time limits of Socket.IO and of the guard for those who have no minutes: nobody there is kept for longer than this. */
const BRIEF = {
  unlimited: true,
  limits: { connectTimeoutMs: 3_000 },
  engine: { pingInterval: 3_000, pingTimeout: 3_000, upgradeTimeout: 2_000, connectTimeout: 5_000 },
}

/**
 * `warmUp`: handshakes after which it is first looked at. `brief`: with shorter time limits, and without those by address and minute.
 *
 * @param {{ count: number, warmUp?: number, seed?: number, brief?: boolean, log?: (line: string) => void }} options
 */
export async function soak({ count, warmUp = Math.ceil(count / 10), seed = 1, brief = false, log = () => {} }) {
  const server = await startGuarded(brief ? BRIEF : {})
  const tokens = await tokensOf(Math.min(2_000, count))
  const random = randomOf(seed)
  /** @type {Record<string, number>} */
  const kinds = {}
  /** @type {Map<string, number>} */
  const failed = new Map()
  /** @type {Set<Promise<unknown>>} */
  const lingering = new Set()
  const names = {
    good: Object.keys(GOOD),
    hostile: Object.keys(HOSTILE).filter((name) => !(brief && name === NOT_BRIEF)),
  }

  /** @param {number} i */
  async function attempt(i) {
    const side = i % 2 === 0 ? 'good' : 'hostile'
    const name = names[side][(i >> 1) % names[side].length] ?? ''
    kinds[name] = (kinds[name] ?? 0) + 1
    const address = `198.18.${Math.floor(random() * 16)}.${Math.floor(random() * 250)}`
    const given = { port: server.port, address, token: tokens[i % tokens.length] ?? '', random }
    const made = side === 'good' ? GOOD[name]?.(given) : HOSTILE[name]?.(given)
    const settled = Promise.resolve(made).then(
      (done) => note(name, done !== false),
      (error) => note(`${name}: ${error.message}`, false),
    )
    if (!LINGERING.has(name)) return settled
    lingering.add(settled)
    settled.finally(() => lingering.delete(settled))
    return lingering.size > MAX_LINGERING ? Promise.race(lingering) : undefined
  }
  /** @param {string} name @param {boolean} succeeded */
  function note(name, succeeded) {
    if (!succeeded) failed.set(name, (failed.get(name) ?? 0) + 1)
  }
  /** @param {number} from @param {number} to */
  async function run(from, to) {
    let next = from
    const startedMs = performance.now()
    const worker = async () => {
      while (next < to) {
        next += 1
        if (next % 5_000 === 0) log(`${next} handshakes after ${Math.round((performance.now() - startedMs) / 1000)} s`)
        await attempt(next - 1)
      }
    }
    await Promise.all(Array.from({ length: WIDTH }, worker))
    await Promise.all(lingering)
    return Math.round(performance.now() - startedMs)
  }
  /** @type {Held} */
  let fresh
  /** When nothing is left of anybody, or after the time in which that should be. @returns {Promise<Held>} */
  async function calm() {
    const nobody = (/** @type {Held['counts']} */ { namespaces, ...ofClients }) =>
      Object.values(ofClients).every((n) => n === 0)
    await until(() => server.ask('counts'), nobody, CALM_WITHIN_MS, 250)
    const isCalm = (/** @type {Held} */ { counts, objects }) =>
      nobody(counts) && Number(objects.timers) <= Number(fresh.objects.timers)
    await until(() => server.ask('held', { kinds: ['timers'] }), isCalm, CALM_WITHIN_MS, 1_000)
    return server.ask('held', brief ? { kinds: ['timers', 'Engine.IO sockets', 'Socket.IO sockets'] } : {})
  }

  try {
    fresh = await server.ask('held', { kinds: ['timers'] })
    await run(0, warmUp)
    const before = warmUp === 0 ? fresh : await calm()
    const tookMs = await run(warmUp, warmUp + count)
    const after = await calm()
    const facts = await server.ask('facts')
    return { count, warmUp, tookMs, fresh, before, after, kinds, failed: Object.fromEntries(failed), facts }
  } finally {
    await server.stop()
  }
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

/** How often a log-in may fail: by address, and by name whatever the address. */

import { isIPv6 } from 'node:net'

/** Failures within the window after which every attempt is refused, the right password included. */
const MAX_BY_ADDRESS = 10
const MAX_BY_NAME = 50
const WINDOW_SECONDS = 300
/** So many counts are kept; then the oldest are forgotten. */
const MAX_COUNTS = 10_000
/** Each hash takes 32 MiB and a thread: the others wait, and beyond that they are refused. */
const MAX_WAITING = 8

interface Count {
  failures: number
  readonly startedAt: number
}

/** Counts failures, and lets one password be hashed at a time. */
export interface Attempts {
  /** Seconds until another attempt is allowed; 0 when it is. */
  waitSeconds(address: string, name: string): number
  failed(address: string, name: string): void
  /** Runs `work` alone. Null when too many wait for that already. */
  alone<T>(work: () => Promise<T>): Promise<T> | null
}

export function createAttempts(nowSeconds: () => number): Attempts {
  const counts = new Map<string, Count>()
  let queue: Promise<unknown> = Promise.resolve()
  let waiting = 0

  function left(key: string, max: number): number {
    const count = counts.get(key)
    if (count === undefined || count.failures < max) return 0
    return Math.max(0, Math.ceil(count.startedAt + WINDOW_SECONDS - nowSeconds()))
  }

  function add(key: string): void {
    const now = nowSeconds()
    const known = counts.get(key)
    const count = known && known.startedAt + WINDOW_SECONDS > now ? known : { failures: 0, startedAt: now }
    count.failures += 1
    counts.delete(key)
    counts.set(key, count)
    const oldest = counts.size > MAX_COUNTS ? counts.keys().next().value : undefined
    if (oldest !== undefined) counts.delete(oldest)
  }

  return {
    waitSeconds: (address, name) =>
      Math.max(left(`a ${subnet(address)}`, MAX_BY_ADDRESS), left(`n ${name}`, MAX_BY_NAME)),
    failed(address, name) {
      add(`a ${subnet(address)}`)
      add(`n ${name}`)
    },
    alone(work) {
      if (waiting >= MAX_WAITING) return null
      waiting += 1
      const done = queue.then(work).finally(() => {
        waiting -= 1
      })
      queue = done.catch(() => {})
      return done
    },
  }
}

/** One subscriber has a whole /64 of IPv6 addresses. */
function subnet(address: string): string {
  return isIPv6(address) && !address.startsWith('::ffff:') ? address.split(':').slice(0, 4).join(':') : address
}

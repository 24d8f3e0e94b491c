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

/** One subscriber has a whole /64 of IPv6 addresses, however they are written. */
function subnet(address: string): string {
  if (!isIPv6(address) || address.toLowerCase().startsWith('::ffff:')) return address
  const [head = '', tail] = address.split('::')
  const groups = head.split(':').filter((group) => group !== '')
  const rest = tail === undefined ? [] : tail.split(':')
  // A dotted end stands for two groups.
  const missing = 8 - groups.length - rest.length - (address.includes('.') ? 1 : 0)
  const all = tail === undefined ? groups : [...groups, ...Array<string>(Math.max(0, missing)).fill('0'), ...rest]
  return all
    .slice(0, 4)
    .map((group) => Number.parseInt(group || '0', 16))
    .join(':')
}

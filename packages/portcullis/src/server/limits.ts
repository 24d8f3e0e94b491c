/** What a client may cost before it has proved who it is, and how much it may ask for afterwards. */

/** Every limit has a default that suits one node behind no proxy; `Infinity` switches a rate off. */
export interface Limits {
  /** Handshakes per client address and minute, good or bad. Default 600. An IPv6 client counts by its /64. */
  readonly handshakesPerMinute: number
  /** Refused handshakes and connects per client address and minute. Default 60. */
  readonly failuresPerMinute: number
  /** Handshakes whose strategies have not answered yet, over all clients. Default 1,000. */
  readonly maxPendingHandshakes: number
  /** How long the strategies together may take. Default 5,000 ms. */
  readonly authenticateTimeoutMs: number
  /** How long one rule, argument schema or membership query may take. Default 1,000 ms. */
  readonly ruleTimeoutMs: number
  /** How long a connection may stay without a namespace that admitted it. Default 10,000 ms. */
  readonly connectTimeoutMs: number
  /** Packets that a connection may send while no namespace has admitted it. Default 64. */
  readonly maxPacketsBeforeConnect: number
  /** Refused connects after which the connection is closed. Default 5. */
  readonly maxConnectFailures: number
  /** Namespaces per connection. Default 16. */
  readonly maxNamespaces: number
  /** Rooms that one socket may hold through `auth:join`. Default 128. */
  readonly maxRooms: number
  /** Packets of one socket that may wait behind an event whose rule has not answered. Default 256. */
  readonly maxQueuedPackets: number
}

const DEFAULTS: Limits = {
  handshakesPerMinute: 600,
  failuresPerMinute: 60,
  maxPendingHandshakes: 1_000,
  authenticateTimeoutMs: 5_000,
  ruleTimeoutMs: 1_000,
  connectTimeoutMs: 10_000,
  maxPacketsBeforeConnect: 64,
  maxConnectFailures: 5,
  maxNamespaces: 16,
  maxRooms: 128,
  maxQueuedPackets: 256,
}
const RATES = new Set(['handshakesPerMinute', 'failuresPerMinute'])
/** Node fires a longer timer at once. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

/** @throws TypeError quoting the limit */
export function resolveLimits(given: Partial<Limits> = {}): Limits {
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(DEFAULTS, name)) throw new TypeError(`"limits.${name}" is not a limit`)
    const whole = Number.isInteger(value) && value > 0
    if (RATES.has(name) ? !(whole || value === Number.POSITIVE_INFINITY) : !whole) {
      throw new TypeError(`"limits.${name}" must be a positive whole number${RATES.has(name) ? ' or Infinity' : ''}`)
    }
    if (name.endsWith('TimeoutMs') && value > MAX_TIMEOUT_MS) {
      throw new TypeError(`"limits.${name}" must be at most ${MAX_TIMEOUT_MS}`)
    }
  }
  return { ...DEFAULTS, ...given }
}

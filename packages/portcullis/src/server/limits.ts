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
  /** Connections that were opened without a credential and that no namespace has admitted yet, over all clients. Default 10,000. */
  readonly maxUnadmitted: number
  /** Such connections per client address. Default a sixth of `handshakesPerMinute`, which is 10 s of them, and at least 100. */
  readonly maxUnadmittedPerAddress: number
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
  /** Rooms that one socket may ask for in a second, after `maxRooms`, or ten times as many as this, at once. Default 10. */
  readonly joinsPerSecond: number
  /**
   * Events per socket and second; twice as many at once after a pause. What is more is refused, and a socket of which as many
   * are refused in a second is disconnected. Default 1,000.
   */
  readonly eventsPerSecond: number
  /** Refused events and joins per socket and second that reach `audit`, after 1,000 at once; the others are counted. Default 10. */
  readonly auditedDenialsPerSecond: number
  /** Packets of one socket that may wait behind an event whose rule has not answered. Default 256. */
  readonly maxQueuedPackets: number
}

const DEFAULTS: Omit<Limits, 'maxUnadmittedPerAddress'> = {
  handshakesPerMinute: 600,
  failuresPerMinute: 60,
  maxPendingHandshakes: 1_000,
  authenticateTimeoutMs: 5_000,
  ruleTimeoutMs: 1_000,
  maxUnadmitted: 10_000,
  connectTimeoutMs: 10_000,
  maxPacketsBeforeConnect: 64,
  maxConnectFailures: 5,
  maxNamespaces: 16,
  maxRooms: 128,
  joinsPerSecond: 10,
  eventsPerSecond: 1_000,
  auditedDenialsPerSecond: 10,
  maxQueuedPackets: 256,
}
const RATES = new Set([
  'handshakesPerMinute',
  'failuresPerMinute',
  'maxUnadmittedPerAddress',
  'joinsPerSecond',
  'eventsPerSecond',
  'auditedDenialsPerSecond',
])
const MIN_UNADMITTED = 100
/** Node fires a longer timer at once. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

/** @throws TypeError quoting the limit */
export function resolveLimits(given: Partial<Limits> = {}): Limits {
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(DEFAULTS, name) && !RATES.has(name)) throw new TypeError(`"limits.${name}" is not a limit`)
    const whole = Number.isInteger(value) && value > 0
    if (RATES.has(name) ? !(whole || value === Number.POSITIVE_INFINITY) : !whole) {
      throw new TypeError(`"limits.${name}" must be a positive whole number${RATES.has(name) ? ' or Infinity' : ''}`)
    }
    if (name.endsWith('TimeoutMs') && value > MAX_TIMEOUT_MS) {
      throw new TypeError(`"limits.${name}" must be at most ${MAX_TIMEOUT_MS}`)
    }
  }
  const { handshakesPerMinute } = { ...DEFAULTS, ...given }
  return {
    ...DEFAULTS,
    maxUnadmittedPerAddress: Math.max(MIN_UNADMITTED, Math.ceil(handshakesPerMinute / 6)),
    ...given,
  }
}

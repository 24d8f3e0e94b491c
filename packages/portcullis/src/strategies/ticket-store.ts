/** Where tickets wait: the port, a store of this process, one in Redis, and waiting for them no longer than allowed. */

import type { Clock } from '../core/clock.ts'
import { AuthError } from '../errors.ts'

/** What a store answers for a value that it gave away already. The same in every copy of this module. */
export const TAKEN: unique symbol = Symbol.for('portcullis.ticket.taken')

/** The port. Keys are 43 characters of base64url; values are JSON. */
export interface TicketStore {
  /** Keeps a value for `ttlMs`, and rejects when it could not, or when the key stands there, taken or not. */
  set(key: string, value: string, ttlMs: number): Promise<void>
  /**
   * Gives a value once, by one atomic step; from then on until its time is over, `TAKEN`. Null when there is none, or no longer.
   * A store that cannot remember what it gave answers null for that too: then only the audit log knows less.
   */
  take(key: string): Promise<string | typeof TAKEN | null>
}

/** A store, and how long to wait for it by which clock. */
export interface BoundedStore {
  readonly store: TicketStore
  readonly storeTimeoutMs: number
  readonly clock: Clock
}

/** A connected client of node-redis 4 and later, or of ioredis. Not a cluster's: give the client of one node. */
export type RedisTicketClient =
  | { sendCommand(command: string[]): Promise<unknown> }
  | { call(command: string, ...args: string[]): Promise<unknown> }

/** A store of this process: for one node, and for tests. Forgets everything when the process ends. */
export function memoryTicketStore({ now }: Pick<Clock, 'now'> = Date): TicketStore {
  // In order of insertion, which is the order of their ends as long as all have one time to live.
  const kept = new Map<string, { readonly value: string | typeof TAKEN; readonly endsMs: number }>()
  return {
    async set(key, value, ttlMs) {
      const nowMs = now()
      for (const [old, { endsMs }] of kept) {
        if (endsMs > nowMs) break
        kept.delete(old)
      }
      if (kept.has(key)) throw new Error('the key is taken')
      kept.set(key, { value, endsMs: nowMs + ttlMs })
    },
    async take(key) {
      const found = kept.get(key)
      if (found === undefined || now() >= found.endsMs) return null
      kept.set(key, { value: TAKEN, endsMs: found.endsMs })
      return found.value
    },
  }
}

/**
 * A store in Redis 6.2 or later, by `SET … PX … NX` and `SET … '' XX KEEPTTL GET`: what was taken is empty for the rest of its
 * time. The keys begin with `keyPrefix`, by default `portcullis:ticket:`.
 *
 * @throws TypeError when the client has neither `call` (ioredis) nor `sendCommand` (node-redis)
 * @example ticketStoreOfRedis(await createClient({ url, disableOfflineQueue: true }).connect())
 * @see https://redis.io/docs/latest/commands/set/
 */
export function ticketStoreOfRedis(client: RedisTicketClient, keyPrefix = 'portcullis:ticket:'): TicketStore {
  const run = commandsOf(client)
  return {
    async set(key, value, ttlMs) {
      const answer = await run(['SET', keyPrefix + key, value, 'PX', String(Math.ceil(ttlMs)), 'NX'])
      if (answer !== 'OK') throw new Error('Redis did not keep the ticket')
    },
    async take(key) {
      const answer = await run(['SET', keyPrefix + key, '', 'XX', 'KEEPTTL', 'GET'])
      if (answer === '') return TAKEN
      return typeof answer === 'string' ? answer : null
    },
  }
}

/** @throws AuthError AUTH_UNAVAILABLE */
export function keepTicket(bounded: BoundedStore, key: string, record: string, ttlMs: number): Promise<void> {
  return inTime(bounded, () => bounded.store.set(key, record, ttlMs))
}

/** @throws AuthError AUTH_UNAVAILABLE */
export function takeTicket(bounded: BoundedStore, key: string): ReturnType<TicketStore['take']> {
  return inTime(bounded, () => bounded.store.take(key))
}

function commandsOf(client: RedisTicketClient): (command: string[]) => Promise<unknown> {
  // First, because ioredis has a method sendCommand too, which is another.
  if ('call' in client && typeof client.call === 'function') {
    return ([name = '', ...args]) => client.call(name, ...args)
  }
  if ('sendCommand' in client && typeof client.sendCommand === 'function') {
    return (command) => client.sendCommand(command)
  }
  throw new TypeError('"client" must be a client of node-redis or ioredis')
}

function inTime<T>({ clock, storeTimeoutMs }: BoundedStore, ask: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.setTimer(() => {
      const cause = new Error(`the ticket store did not answer within ${storeTimeoutMs} ms`)
      reject(new AuthError('AUTH_UNAVAILABLE', { reason: 'store_timeout', cause }))
    }, storeTimeoutMs)
    // What it says holds no ticket, since the store was given none.
    const fail = (cause: unknown) => reject(new AuthError('AUTH_UNAVAILABLE', { reason: 'store_failed', cause }))
    Promise.resolve().then(ask).then(resolve, fail).finally(cancel)
  })
}

/** Where tickets wait: the port, a store of this process, one in Redis, and waiting for them no longer than allowed. */

import type { Clock } from '../core/clock.ts'
import { AuthError } from '../errors.ts'

/** The port. Keys are 43 characters of base64url; values are JSON. */
export interface TicketStore {
  /** Keeps a value for `ttlMs`, and rejects when it could not, or when the key is taken. */
  set(key: string, value: string, ttlMs: number): Promise<void>
  /** Gives a value once: atomically gets and deletes it. Null when there is none, or no longer. */
  take(key: string): Promise<string | null>
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
  const kept = new Map<string, { readonly value: string; readonly endsMs: number }>()
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
      kept.delete(key)
      return found !== undefined && now() < found.endsMs ? found.value : null
    },
  }
}

/**
 * A store in Redis 6.2 or later, by `SET … PX … NX` and `GETDEL`. The keys begin with `keyPrefix`, by default
 * `portcullis:ticket:`.
 *
 * @throws TypeError when the client has neither `call` (ioredis) nor `sendCommand` (node-redis)
 * @example ticketStoreOfRedis(await createClient({ url, disableOfflineQueue: true }).connect())
 * @see https://redis.io/docs/latest/commands/getdel/
 */
export function ticketStoreOfRedis(client: RedisTicketClient, keyPrefix = 'portcullis:ticket:'): TicketStore {
  const run = commandsOf(client)
  return {
    async set(key, value, ttlMs) {
      const answer = await run(['SET', keyPrefix + key, value, 'PX', String(Math.ceil(ttlMs)), 'NX'])
      if (answer !== 'OK') throw new Error('Redis did not keep the ticket')
    },
    async take(key) {
      const answer = await run(['GETDEL', keyPrefix + key])
      return typeof answer === 'string' ? answer : null
    },
  }
}

/** @throws AuthError AUTH_UNAVAILABLE */
export function keepTicket(bounded: BoundedStore, key: string, record: string, ttlMs: number): Promise<void> {
  return inTime(bounded, () => bounded.store.set(key, record, ttlMs))
}

/** @throws AuthError AUTH_UNAVAILABLE */
export function takeTicket(bounded: BoundedStore, key: string): Promise<string | null> {
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

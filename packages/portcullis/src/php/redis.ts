/** Reading what PHP keeps in Redis: bytes, at most so many of them, and within a deadline. */

import type { Clock } from '../core/clock.ts'
import { AuthError } from '../errors.ts'
import { MAX_PHP_BYTES } from './serialized.ts'

/** A connected client of node-redis 5 and later, or of ioredis. Not a cluster's: give the client of one node. */
export type PhpRedisClient =
  | { sendCommand(command: string[], options: RedisBufferOptions): Promise<unknown> }
  | { callBuffer(command: string, ...args: string[]): Promise<unknown> }

/** Makes node-redis give bytes: by default it reads strings as UTF-8, and what is no UTF-8 is lost. */
export interface RedisBufferOptions {
  readonly typeMapping: Record<number, BufferConstructor>
}

/** A client, and how long to wait for it by which clock. */
export interface BoundedRedis {
  readonly read: (key: string) => Promise<unknown>
  readonly timeoutMs: number
  readonly clock: Clock
}

/** RESP's bulk string, `$`. */
const BLOB_STRING = 36

/** @throws TypeError when the client is none of the two */
export function readerOf(client: PhpRedisClient, option: string): BoundedRedis['read'] {
  // First, because ioredis has a method sendCommand too, which is another.
  if (client && 'callBuffer' in client && typeof client.callBuffer === 'function') {
    return (key) => client.callBuffer('GETRANGE', key, '0', String(MAX_PHP_BYTES))
  }
  if (client && 'sendCommand' in client && typeof client.sendCommand === 'function') {
    const options = { typeMapping: { [BLOB_STRING]: Buffer } }
    return (key) => client.sendCommand(['GETRANGE', key, '0', String(MAX_PHP_BYTES)], options)
  }
  throw new TypeError(`"${option}" must be a client of node-redis or ioredis`)
}

/**
 * What stands under `key`, of more than 1 MiB one byte more than that; empty when nothing does. One command, which writes
 * nothing and waits for no lock of PHP's.
 *
 * @throws AuthError AUTH_UNAVAILABLE when Redis fails or does not answer in time
 */
export function readBytes({ read, timeoutMs, clock }: BoundedRedis, key: string): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const unavailable = (reason: string, message: string) =>
      reject(new AuthError('AUTH_UNAVAILABLE', { reason, cause: new Error(message) }))
    const cancel = clock.setTimer(
      () => unavailable('store_timeout', `Redis did not answer within ${timeoutMs} ms`),
      timeoutMs,
    )
    const succeed = (answer: unknown) => {
      if (answer instanceof Uint8Array) resolve(answer)
      else unavailable('store_client', 'the Redis client gives no bytes: node-redis 5 or later, or ioredis, does')
    }
    // Clients attach the command to their errors, and with it the id of the session.
    const fail = (error: unknown) =>
      unavailable('store_failed', (error instanceof Error ? error.message : 'Redis failed').replaceAll(key, '[key]'))
    Promise.resolve(key).then(read).then(succeed, fail).finally(cancel)
  })
}

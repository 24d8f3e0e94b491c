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

/** What is asked of Redis, and how long to wait for it by which clock. */
export interface BoundedRedis {
  readonly run: (command: readonly [name: string, ...args: string[]]) => Promise<unknown>
  readonly timeoutMs: number
  readonly clock: Clock
}

/** RESP's bulk string, `$`. */
const BLOB_STRING = 36

/** An error of Redis's own begins with a word in capitals; what follows may repeat the command. */
const ERROR_WORD = /^[A-Z]{2,}(?= |$)/

/** @throws TypeError when the client is none of the two */
export function commandsOf(client: PhpRedisClient, option: string): BoundedRedis['run'] {
  // First, because ioredis has a method sendCommand too, which is another.
  if (client && 'callBuffer' in client && typeof client.callBuffer === 'function') {
    return ([name, ...args]) => client.callBuffer(name, ...args)
  }
  if (client && 'sendCommand' in client && typeof client.sendCommand === 'function') {
    const options = { typeMapping: { [BLOB_STRING]: Buffer } }
    return (command) => client.sendCommand([...command], options)
  }
  throw new TypeError(`"${option}" must be a client of node-redis or ioredis`)
}

/**
 * What stands under `key`, of more than 1 MiB one byte more than that; null when nothing does. Writes nothing, and waits for
 * no lock of PHP's.
 *
 * @throws AuthError AUTH_UNAVAILABLE when Redis fails or does not answer in time
 */
export function readBytes({ run, timeoutMs, clock }: BoundedRedis, key: string): Promise<Uint8Array | null> {
  return new Promise((resolve, reject) => {
    const unavailable = (reason: string, message: string) =>
      reject(new AuthError('AUTH_UNAVAILABLE', { reason, cause: new Error(message) }))
    const cancel = clock.setTimer(
      () => unavailable('store_timeout', `Redis did not answer within ${timeoutMs} ms`),
      timeoutMs,
    )
    const read = async () => {
      const answer = await run(['GETRANGE', key, '0', String(MAX_PHP_BYTES)])
      if (!(answer instanceof Uint8Array)) {
        unavailable('store_client', 'the Redis client gives no bytes: node-redis 5 or later, or ioredis, does')
        return
      }
      // Redis gives the same for a key that holds nothing and for one that it has not.
      resolve(answer.length === 0 && Number(await run(['EXISTS', key])) === 0 ? null : answer)
    }
    read()
      // Clients attach the command to their errors, and with it the id of the session.
      .catch((error: unknown) => unavailable('store_failed', messageOf(error, key)))
      .finally(cancel)
  })
}

function messageOf(error: unknown, key: string): string {
  const message = error instanceof Error ? error.message : 'Redis failed'
  const word = ERROR_WORD.exec(message)
  return word === null ? message.replaceAll(key, '[key]') : `Redis answered ${word[0]}`
}

/** Clients of node-redis and ioredis, told apart: running a script, and what a connection hears on a channel. */

import type { OpenBus } from './listening.ts'
import type { RedisScript } from './redis-scripts.ts'

/** Another connection of node-redis 5 and later, for what it hears. */
export interface NodeRedisSubscriber {
  on(event: 'error' | 'ready', listener: () => void): unknown
  off(event: 'error' | 'ready', listener: () => void): unknown
  connect(): Promise<unknown>
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  unsubscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  destroy(): void
}

/** Another connection of ioredis 5, for what it hears. */
export interface IoRedisSubscriber {
  on(event: 'error' | 'ready', listener: () => void): unknown
  on(event: 'message', listener: (channel: string, message: string) => void): unknown
  off(event: 'error' | 'ready', listener: () => void): unknown
  off(event: 'message', listener: (channel: string, message: string) => void): unknown
  connect(): Promise<unknown>
  subscribe(channel: string): Promise<unknown>
  unsubscribe(channel: string): Promise<unknown>
  disconnect(reconnect?: boolean): void
}

/** A connected client of node-redis 5 and later. */
export interface NodeRedisClient {
  sendCommand(command: string[]): Promise<unknown>
  duplicate(): NodeRedisSubscriber
}

/** A connected client of ioredis 5. */
export interface IoRedisClient {
  call(command: string, ...args: string[]): Promise<unknown>
  duplicate(override: { lazyConnect: boolean; autoResubscribe: boolean }): IoRedisSubscriber
}

/** A connected client of node-redis 5 and later, or of ioredis 5. Not a cluster's: give the client of one node. */
export type RedisRevocationClient = NodeRedisClient | IoRedisClient

/** A connected subscriber of the same library as the client. */
export type RedisSubscriber = NodeRedisSubscriber | IoRedisSubscriber

/** Runs a script, sending it only to a Redis that does not know it. */
export type RunScript = (script: RedisScript, keys: readonly string[], args: readonly string[]) => Promise<unknown>

const OPEN_TIMEOUT_MS = 5_000

/** An error of Redis's own begins with a word in capitals; what follows may repeat the command. */
const ERROR_WORD = /^[A-Z]{2,}(?= |$)/

/** @throws TypeError when the client is none of the two */
export function commandsOf(client: RedisRevocationClient): (command: string[]) => Promise<unknown> {
  // First, because ioredis has a method sendCommand too, which is another.
  if (client && 'call' in client && typeof client.call === 'function') {
    return ([name = '', ...args]) => client.call(name, ...args)
  }
  if (client && 'sendCommand' in client && typeof client.sendCommand === 'function') {
    return (command) => client.sendCommand(command)
  }
  throw new TypeError('"client" must be a client of node-redis or ioredis')
}

export function scriptsOf(run: (command: string[]) => Promise<unknown>): RunScript {
  return async ({ lua, sha1 }, keys, args) => {
    const rest = [String(keys.length), ...keys, ...args]
    try {
      return await run(['EVALSHA', sha1, ...rest]).catch((error: unknown) => {
        if (!messageOf(error).startsWith('NOSCRIPT')) throw error
        return run(['EVAL', lua, ...rest])
      })
    } catch (error) {
      throw failure(error)
    }
  }
}

/** Clients attach the command to their errors, and with it whose revocation it is. */
export function failure(error: unknown): Error {
  const message = messageOf(error)
  const word = ERROR_WORD.exec(message)
  return new Error(`the revocation log failed: ${word === null ? message : `Redis answered ${word[0]}`}`)
}

/** Subscribes by a connection of its own. Rejects when the first attempt fails, and keeps nothing open then. */
export function ownBus(client: RedisRevocationClient, channel: string): OpenBus {
  return 'call' in client
    ? (hearing) => ownIoRedis(client, channel, hearing)
    : (hearing) => ownNodeRedis(client, channel, hearing)
}

async function ownNodeRedis(client: NodeRedisClient, channel: string, { heard, resumed }: Parameters<OpenBus>[0]) {
  const connection = client.duplicate()
  const close = async () => connection.destroy()
  const subscribe = async () => {
    await connection.connect()
    await connection.subscribe(channel, heard)
  }
  try {
    await atOnce(connection, subscribe)
  } catch (error) {
    // Nobody waits for the attempts to connect that it would go on to make.
    await close().catch(() => {})
    throw failure(error)
  }
  // It subscribes again before it is ready again.
  connection.on('ready', resumed)
  return close
}

async function ownIoRedis(client: IoRedisClient, channel: string, { heard, resumed }: Parameters<OpenBus>[0]) {
  // It would subscribe again by a promise that nobody catches.
  const connection = client.duplicate({ lazyConnect: true, autoResubscribe: false })
  const close = async () => connection.disconnect()
  connection.on('message', (_channel, message) => heard(message))
  const subscribe = async () => {
    await connection.connect()
    await connection.subscribe(channel)
  }
  try {
    await atOnce(connection, subscribe)
  } catch (error) {
    await close()
    throw failure(error)
  }
  connection.on('ready', () => {
    connection.subscribe(channel).then(resumed, () => connection.disconnect(true))
  })
  return close
}

/** Subscribes by the application's connection, which stays open and is the application's to look after. */
export function givenBus(subscriber: RedisSubscriber, channel: string): OpenBus {
  return async ({ heard, resumed }) => {
    if ('destroy' in subscriber) {
      await subscriber.subscribe(channel, heard).catch(rethrow)
      subscriber.on('ready', resumed)
      return async () => {
        subscriber.off('ready', resumed)
        await subscriber.unsubscribe(channel, heard).catch(() => {})
      }
    }
    const onMessage = (from: string, message: string) => {
      if (from === channel) heard(message)
    }
    subscriber.on('message', onMessage)
    try {
      await subscriber.subscribe(channel)
    } catch (error) {
      subscriber.off('message', onMessage)
      throw failure(error)
    }
    subscriber.on('ready', resumed)
    return async () => {
      subscriber.off('message', onMessage)
      subscriber.off('ready', resumed)
      await subscriber.unsubscribe(channel).catch(() => {})
    }
  }
}

function rethrow(error: unknown): never {
  throw failure(error)
}

/**
 * Within a deadline, because nobody who waits can end it, and until the first error: the client itself would try for ever. Listens to
 * errors for good, since one without a listener ends the process.
 */
function atOnce(
  connection: { on(event: 'error', listener: (error?: unknown) => void): unknown },
  work: () => Promise<void>,
) {
  return new Promise<void>((resolve, reject) => {
    const late = () => reject(new Error(`Redis did not answer within ${OPEN_TIMEOUT_MS} ms`))
    const timer = setTimeout(late, OPEN_TIMEOUT_MS)
    connection.on('error', reject)
    work()
      .then(resolve, reject)
      .finally(() => clearTimeout(timer))
  })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'the client failed'
}

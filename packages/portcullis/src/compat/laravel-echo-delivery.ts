/** How an event comes to the sockets of a channel: of this node, and through Redis of the others. */

import { randomUUID } from 'node:crypto'
import type { Namespace } from 'socket.io'
import { field, isName, isServerEvent, roomOf } from './laravel-echo-names.ts'
import type { ToChannel } from './laravel-echo-presence.ts'
import type { Command } from './laravel-echo-redis.ts'

/** What Laravel publishes: `{ event, data, socket }` on `<prefix><channel>`. */
export interface Delivery {
  /** To the sockets of all nodes. */
  readonly toChannel: ToChannel
  /** What somebody published on the Redis. */
  readonly heard: (channel: string, message: string) => void
}

export interface DeliveryParts {
  readonly namespace: Namespace
  readonly command: Command | null
  /** The channel of Redis on which nodes speak to one another. */
  readonly bus: string
  /** Null where Laravel's own messages are not listened to. */
  readonly prefix: string | null
  readonly failed: (error: Error, where: 'redis' | 'message') => void
}

/** A longer message is none. UTF-16 units. */
const MAX_MESSAGE_LENGTH = 1_048_576
const MAX_SOCKET_ID_LENGTH = 64

export function createDelivery({ namespace, command, bus, prefix, failed }: DeliveryParts): Delivery {
  const node = randomUUID()

  function here(channel: string, event: string, data: unknown, except: unknown): void {
    // With Redis each node hears for itself; an adapter of the application's would deliver twice.
    const sockets = command === null ? namespace.to(roomOf(channel)) : namespace.local.to(roomOf(channel))
    const others = isSocketId(except) ? sockets.except(except) : sockets
    others.emit(event, channel, data)
  }

  function read(channel: string, message: string): Record<'channel' | 'event' | 'data' | 'except', unknown> | null {
    const body: unknown = JSON.parse(message)
    if (channel === bus) {
      if (field(body, 'node') === node) return null
      return {
        channel: field(body, 'channel'),
        event: field(body, 'event'),
        data: field(body, 'data'),
        except: field(body, 'except'),
      }
    }
    // The prefix may be such that the bus's own channels begin with it.
    if (prefix === null || !channel.startsWith(prefix) || channel.startsWith(OWN)) return null
    return {
      channel: channel.slice(prefix.length),
      event: field(body, 'event'),
      data: field(body, 'data'),
      except: field(body, 'socket'),
    }
  }

  return {
    toChannel(channel, event, data, except) {
      here(channel, event, data, except)
      if (command === null) return
      const message = JSON.stringify({ node, channel, event, data, except })
      command('PUBLISH', bus, message).catch((error: Error) => failed(error, 'redis'))
    },
    heard(from, message) {
      try {
        if (message.length > MAX_MESSAGE_LENGTH) throw new Error('it is too long')
        const told = read(from, message)
        if (told === null) return
        if (!isName(told.channel) || !isServerEvent(told.event)) throw new Error('it names no channel and event')
        here(told.channel, told.event, told.data, told.except)
      } catch (cause) {
        failed(new Error('laravel-echo: a message on Redis is no event', { cause }), 'message')
      }
    },
  }
}

/** What is ours in Redis begins so. */
export const OWN = 'portcullis-laravel-echo:'

const isSocketId = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.length <= MAX_SOCKET_ID_LENGTH

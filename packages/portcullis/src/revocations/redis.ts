/** A revocation log in Redis: a stream that every node reads by itself, and a channel that wakes them. */

import { randomInt } from 'node:crypto'
import type { LogState, ReadEntry, RevocationLog } from '../core/revocation-log.ts'
import { knownOptions, text } from '../option-checks.ts'
import { APPENDED, appliedTexts, hear, messageText } from './bus.ts'
import { createListening } from './listening.ts'
import {
  commandsOf,
  failure,
  givenBus,
  ownBus,
  type RedisRevocationClient,
  type RedisSubscriber,
  scriptsOf,
} from './redis-client.ts'
import { APPEND, SYNC } from './redis-scripts.ts'
import { createSeals, expiryOf, requireId, type Seals } from './sealed.ts'

export type { IoRedisClient, NodeRedisClient, RedisRevocationClient, RedisSubscriber } from './redis-client.ts'

/** Options of `redis`; `client` and `secret` are required. */
export interface RedisRevocationsOptions {
  /**
   * The application's connected client, of node-redis 5 and later or of ioredis 5. Let it fail while there is no connection,
   * rather than queue: `disableOfflineQueue: true`, or `enableOfflineQueue: false` and `maxRetriesPerRequest: 0`.
   */
  readonly client: RedisRevocationClient
  /**
   * What all nodes share, and nobody else who may write to Redis: a string of at least 32 bytes, or a list of such, of which the first
   * seals and all are accepted. To change it, first append the new one to every node's list, then put it first, then drop the old.
   */
  readonly secret: string | readonly string[]
  /** What its keys and its channel begin with, in braces, so that a Redis Cluster keeps them together. Default `portcullis:revocations`. */
  readonly prefix?: string
  /** A connection of the application that subscribes. It is not closed. Default: a duplicate of `client`, while somebody listens. */
  readonly subscriber?: RedisSubscriber
}

const OPTIONS = new Set(['client', 'secret', 'prefix', 'subscriber'])
const PAGE = '1000'
/** Of what has ended, removed by each entry that comes. */
const COLLECTED = '100'
const KEPT_SECONDS = 600
const MAX_RANDOM = 2 ** 48 - 1
const CURSOR = /^\d{1,20}-\d{1,20}$/
/** No entry has this place. */
const UNKNOWN = '0-0'

/**
 * Keeps revocations in Redis 6.2 or later, for all nodes. It is as durable as that Redis: with `appendfsync everysec`, or after
 * a failover, the last second may be lost; then those who have read it write it again. Redis must not evict its keys.
 *
 * The secret keeps those who may write to Redis from inventing entries and messages, not from withholding them: they can delete
 * entries, repeat messages, and claim that a node has applied an entry.
 *
 * @throws TypeError quoting the option that is wrong
 * @example createAuth({ revocations: redis({ client, secret: process.env.REVOCATIONS_SECRET }), … })
 * @see https://redis.io/docs/latest/develop/data-types/streams/
 */
export function redis(options: RedisRevocationsOptions): RevocationLog {
  knownOptions(options, OPTIONS, 'redis')
  const { client, subscriber } = options
  const prefix = `{${text(options.prefix ?? 'portcullis:revocations', 'prefix')}}`
  if (/[{}]/.test(prefix.slice(1, -1))) throw new TypeError('"prefix" must be without braces')
  const seals = createSeals(options.secret, `redis ${prefix}`)
  const send = commandsOf(client)
  const run = scriptsOf(send)
  const [entries, ids, ends, nodes, channel] = ['entries', 'ids', 'ends', 'nodes', 'bus'].map(
    (name) => `${prefix}:${name}`,
  ) as [string, string, string, string, string]
  const appliedKey = (id: string) => `${prefix}:applied:${id}`
  const bus = subscriber === undefined ? ownBus(client, channel) : givenBus(subscriber, channel)

  return {
    shared: true,
    async append({ id, text: plain, expiresAt }) {
      requireId(id, 'id')
      const sealed = seals.seal('entry', id, plain)
      const random = String(randomInt(MAX_RANDOM))
      const args = [id, sealed, String(expiryOf(expiresAt)), random, channel, APPENDED, String(KEPT_SECONDS), COLLECTED]
      await run(APPEND, [entries, ids, ends], args)
    },
    async sync({ node, maxStalenessMs, cursor, applied, awaiting }) {
      requireId(node, 'node')
      const place = cursor === null ? '' : CURSOR.test(cursor) ? cursor : UNKNOWN
      const done = applied.map(({ id }) => id)
      const fixed = [node, String(Math.ceil(maxStalenessMs)), place, PAGE, String(KEPT_SECONDS * 1000), channel]
      const closed = applied.map((each) => String(each.closed))
      const args = [...fixed, String(done.length), ...closed, ...appliedTexts(done)]
      return readState(
        seals,
        awaiting,
        await run(SYNC, [entries, nodes, ...[...done, ...awaiting].map(appliedKey)], args),
      )
    },
    async leave(node) {
      await send(['HDEL', nodes, node]).catch(fail)
    },
    async publish(plain) {
      await send(['PUBLISH', channel, messageText(seals, plain)]).catch(fail)
    },
    listen: createListening(bus, (listener, heard) => hear(seals, listener, heard)),
  }
}

function fail(error: unknown): never {
  throw failure(error)
}

/** Redis answered what the script returns, unless somebody else answered. */
type Answer = readonly [
  rewound: unknown,
  more: unknown,
  entries: readonly (readonly [place: unknown, fields: readonly unknown[]])[],
  nodes: readonly (readonly [node: unknown, ageMs: unknown, maxStalenessMs: unknown])[],
  applied: readonly (readonly unknown[])[],
  ageMs: unknown,
]

function readState(seals: Seals, awaiting: readonly string[], answer: unknown): LogState {
  const [rewound, more, entries, nodes, applied, ageMs] = answer as Answer
  return {
    entries: entries.map(([place, fields]) => readEntry(seals, String(place), fields.map(String))),
    more: Number(more) === 1,
    rewound: Number(rewound) === 1,
    nodes: nodes.map(([node, ageMs, maxStalenessMs]) => ({
      node: String(node),
      ageMs: Number(ageMs),
      maxStalenessMs: Number(maxStalenessMs),
    })),
    ageMs: Number(ageMs),
    applied: new Map(awaiting.map((id, i) => [id, countsOf(applied[i] ?? [])])),
  }
}

function readEntry(seals: Seals, cursor: string, fields: readonly string[]): ReadEntry {
  const [, id = '', , sealed = ''] = fields
  return { cursor, text: seals.open('entry', id, sealed) }
}

/** Fields and values by turns, as `HGETALL` gives them. */
function countsOf(flat: readonly unknown[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (let i = 0; i + 1 < flat.length; i += 2) counts.set(String(flat[i]), Number(flat[i + 1]))
  return counts
}

/** Members in Redis, for several nodes: what a node wrote goes with the node, however that ends. */

import { createHash, randomUUID } from 'node:crypto'
import { type Entry, type Member, oncePerUser, type PresenceStore, userOf } from './laravel-echo-presence.ts'
import type { Command } from './laravel-echo-redis.ts'

export interface RedisPresenceParts {
  readonly command: Command
  /** Before every key. */
  readonly keys: string
  readonly heartbeatMs: number
  /** Members of nodes that are gone, and those that were forgotten meanwhile. */
  readonly left: (channel: string, member: Member) => void
  readonly joined: (entry: Entry) => void
  readonly failed: (error: Error) => void
}

export interface RedisPresence extends PresenceStore {
  /** Says that this node is here; from then on it does so again and again. */
  start(): Promise<void>
  /** Takes this node's members away. */
  stop(): Promise<void>
}

/** Lua, which Redis runs as one step. `now` is Redis's own, so that no node's clock counts. */
const NOW = "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000) "
/** Entries are 13 digits of time, 22 characters that stand for the user, and the member as JSON. */
const HAS_USER =
  'local function has(values, user) for _, v in ipairs(values) do if string.sub(v, 14, 35) == user then return 1 end end return 0 end '

/** KEYS: entries, nodes, channels of this node. ARGV: field, user, member, node, ttl, channel. */
const JOIN = `${NOW}${HAS_USER}
local known = redis.call('ZSCORE', KEYS[2], ARGV[4])
if not known then redis.call('ZADD', KEYS[2], now + ARGV[5], ARGV[4]) end
local there = has(redis.call('HVALS', KEYS[1]), ARGV[2])
redis.call('HSET', KEYS[1], ARGV[1], string.format('%013d', now) .. ARGV[2] .. ARGV[3])
redis.call('SADD', KEYS[3], ARGV[6])
return {1 - there, known and 1 or 0, redis.call('HVALS', KEYS[1])}`

/** KEYS: entries, channels of this node. ARGV: field, channel or nothing. */
const LEAVE = `${HAS_USER}
local entry = redis.call('HGET', KEYS[1], ARGV[1])
if ARGV[2] ~= '' then redis.call('SREM', KEYS[2], ARGV[2]) end
if not entry then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
return 1 - has(redis.call('HVALS', KEYS[1]), string.sub(entry, 14, 35))`

/** KEYS: nodes. ARGV: node, ttl. Answers whether it was still counted among the living, and who is not. */
const BEAT = `${NOW}
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
return {(score and tonumber(score) >= now) and 1 or 0, redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)}`

/** KEYS: entries, nodes, channels of the node. ARGV: the node, its channel. Answers the members that nobody else has. */
const SWEEP = `${NOW}${HAS_USER}
local score = redis.call('ZSCORE', KEYS[2], ARGV[1])
if score and tonumber(score) > now then return {} end
local all, gone = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #all, 2 do
  if string.sub(all[i], 1, #ARGV[1] + 1) == ARGV[1] .. ':' then
    redis.call('HDEL', KEYS[1], all[i])
    table.insert(gone, all[i + 1])
  end
end
redis.call('SREM', KEYS[3], ARGV[2])
local rest, left = redis.call('HVALS', KEYS[1]), {}
for _, v in ipairs(gone) do
  if has(rest, string.sub(v, 14, 35)) == 0 and has(left, string.sub(v, 14, 35)) == 0 then table.insert(left, v) end
end
return left`

/** KEYS: nodes, channels of the node. ARGV: the node. */
const BURY = `${NOW}
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if redis.call('EXISTS', KEYS[2]) == 0 and (not score or tonumber(score) <= now) then redis.call('ZREM', KEYS[1], ARGV[1]) end
return 0`

const NODE_LIVES_BEATS = 3

export function redisPresence(parts: RedisPresenceParts): RedisPresence {
  const { command, keys, heartbeatMs, left, joined, failed } = parts
  const node = randomUUID()
  const ttlMs = String(heartbeatMs * NODE_LIVES_BEATS)
  const nodes = `${keys}:nodes`
  const entriesOf = (channel: string) => `${keys}:members:${channel}`
  const channelsOf = (each: string) => `${keys}:node:${each}`
  /** What this node holds, to say again where Redis has forgotten it, and what it could not yet take back. */
  const held = new Map<string, Map<string, Entry>>()
  const unsaid = new Map<string, Entry>()
  let timer: NodeJS.Timeout | null = null
  let stopped = false

  const run = (script: string, keyNames: string[], args: string[]) =>
    command('EVAL', script, String(keyNames.length), ...keyNames, ...args)
  const fieldOf = ({ channel, socketId }: Entry) => `${channel}\n${socketId}`
  const everything = () => [...held.values()].flatMap((sockets) => [...sockets.values()])

  async function join(entry: Entry) {
    const { channel, socketId, member } = entry
    const sockets = held.get(channel) ?? new Map<string, Entry>()
    held.set(channel, sockets.set(socketId, entry))
    unsaid.delete(fieldOf(entry))
    const answer = await run(
      JOIN,
      [entriesOf(channel), nodes, channelsOf(node)],
      [`${node}:${socketId}`, userDigest(member), JSON.stringify(member), node, ttlMs, channel],
    )
    const [first, known, values] = answer as [unknown, unknown, unknown]
    if (Number(known) === 0) again()
    return { members: membersIn(values), first: Number(first) === 1 }
  }

  async function leave(entry: Entry) {
    const { channel, socketId } = entry
    const sockets = held.get(channel)
    sockets?.delete(socketId)
    if (sockets?.size === 0) held.delete(channel)
    unsaid.set(fieldOf(entry), entry)
    const last = await run(
      LEAVE,
      [entriesOf(channel), channelsOf(node)],
      [`${node}:${socketId}`, held.has(channel) ? '' : channel],
    )
    unsaid.delete(fieldOf(entry))
    return { last: Number(last) === 1 }
  }

  /** Redis no longer knows of this node, which was away or whose data were lost: everything is said anew. */
  function again(): void {
    for (const entry of everything()) {
      join(entry).then(({ first }) => {
        if (first) joined(entry)
      }, failed)
    }
  }

  async function beat(): Promise<void> {
    const [alive, dead] = (await run(BEAT, [nodes], [node, ttlMs])) as [unknown, string[]]
    if (Number(alive) === 0 && timer !== null) again()
    for (const entry of [...unsaid.values()]) {
      const { last } = await leave(entry)
      if (last) left(entry.channel, entry.member)
    }
    for (const each of dead.map(String)) if (each !== node) await sweep(each)
  }

  async function sweep(each: string): Promise<void> {
    const channels = ((await command('SMEMBERS', channelsOf(each))) as Iterable<unknown>) ?? []
    for (const channel of [...channels].map(String)) {
      const gone = await run(SWEEP, [entriesOf(channel), nodes, channelsOf(each)], [each, channel])
      for (const member of membersIn(gone)) left(channel, member)
    }
    await run(BURY, [nodes, channelsOf(each)], [each])
  }

  function tick(): void {
    timer = setTimeout(() => {
      beat()
        .catch(failed)
        .finally(() => {
          if (!stopped) tick()
        })
    }, heartbeatMs)
    timer.unref()
  }

  return {
    join,
    leave,
    members: async (channel) => membersIn(await command('HVALS', entriesOf(channel))),
    async start() {
      try {
        await beat()
      } finally {
        if (!stopped) tick()
      }
    },
    async stop() {
      stopped = true
      if (timer !== null) clearTimeout(timer)
      for (const entry of everything()) {
        const { last } = await leave(entry)
        if (last) left(entry.channel, entry.member)
      }
      await run(BURY, [nodes, channelsOf(node)], [node])
      await command('ZREM', nodes, node)
    },
  }
}

const userDigest = (member: Member): string =>
  createHash('sha256').update(userOf(member)).digest('base64url').slice(0, 22)

function membersIn(values: unknown): Member[] {
  const entries = [...(values as Iterable<unknown>)].map(String).sort().reverse()
  return oncePerUser(entries.map((entry) => JSON.parse(entry.slice(35)) as Member))
}

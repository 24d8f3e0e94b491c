/** What Redis does for presence: Lua scripts, each one atomic step, by Redis's own clock. */

import { createHash } from 'node:crypto'

export interface PresenceScript {
  readonly lua: string
  /** The name by which Redis knows it: its SHA-1. */
  readonly sha1: string
}

/*
 * A room is a hash: the member's field, `["issuer","subject"]`, holds since, scheme and how many sockets each node has. A node's slots are a set of
 * room and field, with a line break between them, which JSON has none of. `nodes` is a sorted set, each node until when it is believed.
 */

const NOW = `local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`

/** Published in the very step that makes it true, so that everybody hears changes in the order in which they happened. */
const TELL = `local function tell(channel, kind, room, field, scheme)
  redis.call('PUBLISH', channel, table.concat({ kind, room, field, cjson.encode(scheme), time[1] }, '\\n'))
end`

/**
 * KEYS: the room, the node's slots, nodes. ARGV: field, node, sockets, since, scheme, room's name, channel, '1' for who has been announced.
 */
export const PUT = scriptOf(`${NOW}
${TELL}
local field, node, sockets, scheme, name = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[5], ARGV[6]
local until_ = redis.call('ZSCORE', KEYS[3], node)
if not until_ or tonumber(until_) <= now then return 'unknown' end

local raw = redis.call('HGET', KEYS[1], field)
local member = raw and cjson.decode(raw) or { since = tonumber(ARGV[4]), scheme = scheme, nodes = {} }
if sockets > 0 then
  member.nodes[node] = sockets
  redis.call('HSET', KEYS[1], field, cjson.encode(member))
  redis.call('SADD', KEYS[2], name .. '\\n' .. field)
else
  member.nodes[node] = nil
  redis.call('SREM', KEYS[2], name .. '\\n' .. field)
  if next(member.nodes) then redis.call('HSET', KEYS[1], field, cjson.encode(member)) else redis.call('HDEL', KEYS[1], field) end
end
local was, is = raw or ARGV[8] == '1', next(member.nodes)
if is and not was then
  tell(ARGV[7], 'join', name, field, member.scheme)
  return 'join'
elseif was and not is then
  tell(ARGV[7], 'leave', name, field, member.scheme)
  return 'leave'
end
return 'none'
`)

/**
 * Nobody is swept until a while after a silence: when no node at all was heard, it was Redis that was away, and the others are about to come back.
 *
 * KEYS: nodes, state (a hash). ARGV: node, milliseconds that it is to be believed, epoch that it knows or '', an epoch to begin if there
 * is none, milliseconds of silence. Answers the epoch, whether the node is still believed, whether it was silent, and who is not believed any more.
 */
export const BEAT = scriptOf(`${NOW}
local node, ttl, known = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local epoch, beat, grace = unpack(redis.call('HMGET', KEYS[2], 'epoch', 'beat', 'grace'))
epoch, grace = epoch or ARGV[4], tonumber(grace or '0')
if (beat and now - tonumber(beat) > tonumber(ARGV[5])) or (known ~= '' and known ~= epoch) then grace = now + ttl end
redis.call('HSET', KEYS[2], 'epoch', epoch, 'beat', string.format('%.0f', now), 'grace', string.format('%.0f', grace))

local until_ = redis.call('ZSCORE', KEYS[1], node)
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ttl), node)
local dead = {}
if grace <= now then dead = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now), 'LIMIT', 0, 10) end
return { epoch, until_ and 1 or 0, (until_ and tonumber(until_) <= now) and 1 or 0, dead }
`)

/**
 * Takes a part of what a node has left behind. Room keys are named by what is found: all keys have one hash tag.
 *
 * KEYS: nodes, the node's slots. ARGV: node, what rooms' keys begin with, channel, slots at most. Answers how many slots are left, then what has left.
 */
export const SWEEP = scriptOf(`${NOW}
${TELL}
local node = ARGV[1]
local until_ = redis.call('ZSCORE', KEYS[1], node)
if until_ and tonumber(until_) > now then return { 0 } end
local answer = { 0 }
for _, slot in ipairs(redis.call('SPOP', KEYS[2], ARGV[4])) do
  local cut = string.find(slot, '\\n', 1, true)
  local name, field = string.sub(slot, 1, cut - 1), string.sub(slot, cut + 1)
  local raw = redis.call('HGET', ARGV[2] .. name, field)
  local member = raw and cjson.decode(raw)
  if member and member.nodes[node] then
    member.nodes[node] = nil
    if next(member.nodes) then
      redis.call('HSET', ARGV[2] .. name, field, cjson.encode(member))
    else
      redis.call('HDEL', ARGV[2] .. name, field)
      tell(ARGV[3], 'leave', name, field, member.scheme)
      table.insert(answer, table.concat({ 'leave', name, field, cjson.encode(member.scheme), time[1] }, '\\n'))
    end
  end
end
answer[1] = redis.call('SCARD', KEYS[2])
if answer[1] == 0 then redis.call('ZREM', KEYS[1], node) end
return answer
`)

/** KEYS: the room, state. Answers whether members may be missing, then fields and members in turn. */
export const MEMBERS = scriptOf(`${NOW}
local grace = redis.call('HGET', KEYS[2], 'grace')
return { (not grace or tonumber(grace) > now) and 1 or 0, redis.call('HGETALL', KEYS[1]) }
`)

function scriptOf(lua: string): PresenceScript {
  return Object.freeze({ lua, sha1: createHash('sha1').update(lua).digest('hex') })
}

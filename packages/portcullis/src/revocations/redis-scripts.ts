/** What Redis does for the log: two Lua scripts, each one atomic step. */

import { createHash } from 'node:crypto'

export interface RedisScript {
  readonly lua: string
  /** The name by which Redis knows it: its SHA-1. */
  readonly sha1: string
}

/**
 * An entry's place in the stream, `n-r`: `n` counts, and `r` is random. After a loss of data a number is given again, and a
 * place never; so a reader whose place is missing, or is taken by another, has read what the log has lost.
 *
 * KEYS: entries (a stream), ids (a hash, id -> place), ends (a sorted set, id by the second from which it may be forgotten).
 * ARGV: id, sealed text, expiresAt, r, channel, what to publish there, seconds that an entry stays at least, how many to forget.
 */
export const APPEND = scriptOf(`
local stood = redis.call('HGET', KEYS[2], ARGV[1])
if stood and redis.call('XRANGE', KEYS[1], stood, stood)[1] then return 0 end

local newest = 0
if redis.call('EXISTS', KEYS[1]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[1])
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then newest = tonumber(string.match(info[i + 1], '^%d+')) end
  end
end
local place = string.format('%.0f-%s', newest + 1, ARGV[4])
redis.call('XADD', KEYS[1], place, 'id', ARGV[1], 'text', ARGV[2])

local now = tonumber(redis.call('TIME')[1])
redis.call('HSET', KEYS[2], ARGV[1], place)
redis.call('ZADD', KEYS[3], string.format('%.0f', math.max(math.ceil(tonumber(ARGV[3])), now) + ARGV[7]), ARGV[1])

-- The newest is never among them: it has been given its time just now.
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now, 'LIMIT', 0, ARGV[8])) do
  local ended = redis.call('HGET', KEYS[2], id)
  if ended then redis.call('XDEL', KEYS[1], ended) end
  redis.call('HDEL', KEYS[2], id)
  redis.call('ZREM', KEYS[3], id)
end
redis.call('PUBLISH', ARGV[5], ARGV[6])
return 1
`)

/**
 * A reader's place that is missing was forgotten, and not lost, when it is the one that this reader was last given, others come
 * after it, and none has its number: a loss of data takes the note of what was given too, and an entry stays long
 * enough for every reader that is still known.
 *
 * KEYS: entries, nodes (a hash, node -> heartbeat, maxStalenessMs, place given; '' -> when it began), then a hash, node -> closed, for each entry
 * applied, then for each awaited.
 * ARGV: node, maxStalenessMs, place or '', entries at most, milliseconds that nodes and what they applied are kept, channel, how
 * many were applied, for each of them how many sockets that closed, then what to publish.
 */
export const SYNC = scriptOf(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local node, place, limit, kept, count = ARGV[1], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[7])

local nodes, given, born = {}, nil, nil
local beats = redis.call('HGETALL', KEYS[2])
for i = 1, #beats, 2 do
  local at, staleness, to = string.match(beats[i + 1], '^(%d+) ([%d.]+) (%S*)$')
  if beats[i] == '' then
    born = tonumber(beats[i + 1])
  elseif not at or now - at > kept then
    redis.call('HDEL', KEYS[2], beats[i])
  elseif beats[i] == node then
    given = to
  else
    table.insert(nodes, { beats[i], string.format('%.0f', math.max(0, now - at)), staleness })
  end
end
table.insert(nodes, { node, '0', ARGV[2] })
if not born then
  born = now
  redis.call('HSET', KEYS[2], '', string.format('%.0f', now))
end

local start, rewound = '-', 0
if place ~= '' then
  local number = string.match(place, '^%d+')
  local known = redis.call('XRANGE', KEYS[1], place, place)[1]
  if not known and given == place then
    local after = redis.call('XRANGE', KEYS[1], number, '+', 'COUNT', 1)[1]
    known = after and string.match(after[1], '^%d+') ~= number
  end
  if known then
    start = '(' .. place
  else
    rewound = 1
    place = ''
  end
end
local found = redis.call('XRANGE', KEYS[1], start, '+', 'COUNT', limit + 1)
local more = 0
if #found > limit then
  more = 1
  table.remove(found)
end
if #found > 0 then place = found[#found][1] end
redis.call('HSET', KEYS[2], node, string.format('%.0f %s %s', now, ARGV[2], place))

for i = 1, count do
  redis.call('HSET', KEYS[2 + i], node, ARGV[7 + i])
  redis.call('PEXPIRE', KEYS[2 + i], kept)
end
for i = 8 + count, #ARGV do redis.call('PUBLISH', ARGV[6], ARGV[i]) end
local applied = {}
for i = 3 + count, #KEYS do table.insert(applied, redis.call('HGETALL', KEYS[i])) end

return { rewound, more, found, nodes, applied, string.format('%.0f', math.max(0, now - born)) }
`)

function scriptOf(lua: string): RedisScript {
  return Object.freeze({ lua, sha1: createHash('sha1').update(lua).digest('hex') })
}

"""Pure: what Redis does in one step, as Lua.

A job is *ours* while the consumer group's list of pending entries names our consumer; every script
that touches a job looks there first. Of one that is not ours, others have it or had it, unless its
id is not remembered: then Redis was emptied. No script blocks or loops over more than its own few
entries.
Source of the commands: redis.io/docs/latest/commands, read for Redis 7.0.
"""

PUT = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 'seen' end
if redis.call('XLEN', KEYS[2]) >= tonumber(ARGV[3]) then return 'full' end
redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[2])
redis.call('XADD', KEYS[2], '*', 'job', ARGV[1])
return 'kept'
"""
"""KEYS: seen, stream. ARGV: job, seconds to remember, most jobs."""

INTEND = """
local first = redis.call('HSETNX', KEYS[1], 'at', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
local known = redis.call('HMGET', KEYS[1], 'at', 'message')
return {first, known[1], known[2]}
"""
"""KEYS: post. ARGV: the time, seconds to remember. In one step, so that none is kept for ever."""

STAND_GROUP = """
local there = redis.call('EXISTS', KEYS[1]) == 1
if there and #redis.call('XINFO', 'GROUPS', KEYS[1]) > 0 then return 0 end
redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
return 1
"""
"""KEYS: stream. ARGV: group. From the first entry on: what was put before is not passed over."""

LOST = -1

_OURS = """
local found = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)
if #found == 0 or found[1][2] ~= ARGV[2] then return redis.call('EXISTS', KEYS[4]) - 1 end
"""
"""KEYS: stream, tries, parked, seen. ARGV: group, consumer, receipt. Not ours: 0, or LOST."""

_FORGET = """
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('XDEL', KEYS[1], ARGV[3])
redis.call('HDEL', KEYS[2], ARGV[3], 'try:' .. ARGV[3], 'begun:' .. ARGV[3], 'told:' .. ARGV[3])
return 1
"""

_UNCOUNT = """
if redis.call('HDEL', KEYS[2], 'try:' .. ARGV[3]) == 1 then
  redis.call('HINCRBY', KEYS[2], ARGV[3], -1)
end
"""
"""Of a try only once, however often it is said."""

RENEW = f"""{_OURS}
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'JUSTID')
return 1
"""

BEGIN = f"""{_OURS}
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'JUSTID')
redis.call('HSETNX', KEYS[2], 'begun:' .. ARGV[3], ARGV[4] .. ' ' .. ARGV[5])
if redis.call('HGET', KEYS[2], 'try:' .. ARGV[3]) ~= ARGV[4] then
  redis.call('HSET', KEYS[2], 'try:' .. ARGV[3], ARGV[4])
  redis.call('HINCRBY', KEYS[2], ARGV[3], 1)
end
return redis.call('HMGET', KEYS[2], ARGV[3], 'begun:' .. ARGV[3], 'told:' .. ARGV[3])
"""
"""ARGV also: a word of this try alone, the time. A try whose answer was lost counts once.

Only the job's end takes away when it first began.
"""

END = _OURS + _FORGET

PARK = f"""{_OURS}
redis.call('XADD', KEYS[3], 'MAXLEN', ARGV[4], '*', 'job', ARGV[7], 'stream', KEYS[1],
  'receipt', ARGV[3], 'reason', ARGV[6])
local oldest = (redis.call('TIME')[1] - ARGV[5]) * 1000
redis.call('XTRIM', KEYS[3], 'MINID', string.format('%d', oldest))
redis.call('EXPIRE', KEYS[3], ARGV[5])
{_FORGET}"""
"""ARGV also: most parked jobs, seconds for which they are kept, reason, the job."""

GIVE_BACK = f"""{_OURS}
{_UNCOUNT}
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'IDLE', ARGV[4], 'JUSTID')
return 1
"""
"""ARGV also: idle time to claim to have, in ms."""

EXCUSE = f"""{_OURS}
redis.call('HSET', KEYS[2], 'told:' .. ARGV[3], '1')
{_UNCOUNT}
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'JUSTID')
return 1
"""

INHERIT = """
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local name, pending, idle = consumer[2], consumer[4], consumer[6]
  local namesake = name ~= ARGV[2] and string.match(name, '^(.*):[^:]*$') == ARGV[3]
  if namesake and pending > 0 then
    for _, entry in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', pending, name)) do
      redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, entry[1], 'JUSTID')
    end
  end
  if namesake or (pending == 0 and idle > tonumber(ARGV[4])) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], name)
  end
end
return 1
"""
"""KEYS: stream. ARGV: group, consumer, name, ms after which an empty consumer is forgotten.

In one step, since a consumer that is deleted with a pending entry takes the entry with it.
"""

ACQUIRE = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
local now = redis.call('TIME')
local last = tonumber(redis.call('GET', KEYS[3]) or '0')
local token = math.max(last, now[1] * 1000 + math.floor(now[2] / 1000)) + 1
local text = string.format('%d', token)
redis.call('SET', KEYS[3], text)
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('HSET', KEYS[2], ARGV[3], text)
return token
"""
"""KEYS: lock, fences, counter. ARGV: holder, ms, key.

A token is Redis' time in ms, or the next number: so none comes again when the counter was lost.
"""

RENEW_LOCK = """
if redis.call('HGET', KEYS[2], ARGV[3]) ~= ARGV[4] then return 0 end
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
"""KEYS: lock, fences. ARGV: holder, ms, key, token. A lock that ran out comes back."""

RELEASE = """
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HDEL', KEYS[2], ARGV[1])
return 1
"""
"""KEYS: lock, fences. ARGV: key, token. A token that was let go is as stale as an older one."""

WRITE_FENCED = """
if redis.call('HGET', KEYS[2], ARGV[3]) ~= ARGV[4] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
"""
"""KEYS: hash, fences. ARGV: field, value, the fence's key and token."""

STALE = -1

RECALL = f"""
if ARGV[4] and redis.call('HGET', KEYS[3], ARGV[4]) ~= ARGV[5] then return {STALE} end
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
"""
"""KEYS: proposals, rollouts, fences. ARGV: field, both values; the fence's key and token, if any.

In one step, since a worker may propose at the same time, and its word is the newer one.
"""

KEEP_ENTRY = """
if not redis.call('SET', KEYS[2], '1', 'NX', 'EX', ARGV[2]) then return 0 end
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'entry', ARGV[1])
return 1
"""
"""KEYS: the audit log, kept. ARGV: entry, seconds to remember, least entries."""

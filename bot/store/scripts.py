"""Pure: what Redis does in one step, as Lua.

A job is *ours* while the consumer group's list of pending entries names our consumer; every script
that touches a job looks there first. No script blocks or loops over more than its own few entries.
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

_OURS = """
local found = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)
if #found == 0 or found[1][2] ~= ARGV[2] then return 0 end
"""
"""KEYS: stream, tries. ARGV: group, consumer, receipt."""

_FORGET = """
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('XDEL', KEYS[1], ARGV[3])
redis.call('HDEL', KEYS[2], ARGV[3])
return 1
"""

RENEW = f"""{_OURS}
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'JUSTID')
return 1
"""

BEGIN = f"""{_OURS}
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'JUSTID')
return redis.call('HINCRBY', KEYS[2], ARGV[3], 1)
"""

END = _OURS + _FORGET

PARK = f"""{_OURS}
local entry = redis.call('XRANGE', KEYS[1], ARGV[3], ARGV[3])
if #entry == 1 then
  redis.call('XADD', KEYS[3], 'MAXLEN', ARGV[4], '*', 'job', entry[1][2][2], 'stream', KEYS[1],
    'receipt', ARGV[3], 'reason', ARGV[5])
end
{_FORGET}"""
"""KEYS also: parked. ARGV also: most parked jobs, reason."""

GIVE_BACK = f"""{_OURS}
if ARGV[5] == '1' and tonumber(redis.call('HGET', KEYS[2], ARGV[3]) or '0') > 0 then
  redis.call('HINCRBY', KEYS[2], ARGV[3], -1)
end
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'IDLE', ARGV[4], 'JUSTID')
return 1
"""
"""ARGV also: idle time to claim to have, in ms; '1' when the try does not count."""

EXCUSE = f"""{_OURS}
if tonumber(redis.call('HGET', KEYS[2], ARGV[3]) or '0') > 0 then
  redis.call('HINCRBY', KEYS[2], ARGV[3], -1)
end
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
local token = redis.call('INCR', KEYS[3])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('HSET', KEYS[2], ARGV[3], token)
return token
"""
"""KEYS: lock, fences, counter. ARGV: holder, ms, key."""

RENEW_LOCK = """
if redis.call('HGET', KEYS[2], ARGV[3]) ~= ARGV[4] then return 0 end
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

"""Lua scripts, each of which Redis runs in one step."""

# In one step: a fact that is sent again after a lost answer is on the stream once, and overwrites
# nothing.
PUBLISH_ONCE = """
if redis.call('EXISTS', KEYS[1]) == 1 then
    return
end
if #ARGV > 6 then
    redis.call('HSET', KEYS[3], unpack(ARGV, 7))
    redis.call('EXPIRE', KEYS[3], ARGV[4])
end
if ARGV[6] ~= '' then
    redis.call('SET', KEYS[4], ARGV[6], 'EX', ARGV[5])
end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'fact', ARGV[3])
redis.call('SET', KEYS[1], '1', 'EX', ARGV[1])
"""

# The command that may fail is first, since Redis rolls nothing back. With a fact that was published
# before, nothing is stored: others may have changed the keys since then.
COMMIT = """
if ARGV[1] ~= '' then
    if redis.call('EXISTS', KEYS[1]) == 1 then
        return
    end
    redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'fact', ARGV[1])
    redis.call('SET', KEYS[1], '1', 'EX', ARGV[3])
end
for place = 3, #KEYS do
    redis.call('SET', KEYS[place], ARGV[place + 1])
end
"""

# In one step: the second of two simultaneous clicks sees the result of the first.
TAG = """
if redis.call('HEXISTS', KEYS[1], 'camera') == 0 then
    return false
end
local was = redis.call('HMGET', KEYS[1], 'label', 'label_by', 'label_at')
if (was[1] or '') == ARGV[1] then
    return was
end
if ARGV[1] == '' then
    redis.call('HDEL', KEYS[1], 'label', 'label_by', 'label_at')
else
    redis.call('HSET', KEYS[1], 'label', ARGV[1], 'label_by', ARGV[2], 'label_at', ARGV[3])
end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[4], '*', 'request', ARGV[5])
return was
"""

# Everything that a command reads, in one round trip: the plain strings in KEYS and, unless ARGV[1]
# is 0, every heartbeat and ARGV[1] of the newest events, which are among the newest facts. The
# answer is JSON: Python reads it much faster than Redis's own nested answers. A value of a foreign
# type, or an entry that is no fact, counts as missing.
SURVEY = """
local function list(reply)
    return reply.err and {} or reply
end
local strings, keys, beats, events = redis.call('MGET', unpack(KEYS)), {}, {}, {}
local seen, wanted = {}, tonumber(ARGV[1])
if wanted > 0 then
    for _, key in ipairs(list(redis.pcall('SMEMBERS', 'heartbeats'))) do
        if #keys < 1000 then
            keys[#keys + 1] = key
        end
    end
    if #keys > 0 then
        beats = redis.call('MGET', unpack(keys))
    end
    local facts = redis.pcall('XREVRANGE', 'events', '+', '-', 'COUNT', wanted * 8)
    for _, entry in ipairs(list(facts)) do
        local ok, fact = pcall(cjson.decode, entry[2][2])
        ok = ok and type(fact) == 'table' and type(fact.event) == 'string'
        if ok and fact.kind == 'motion_started' and not seen[fact.event] then
            seen[fact.event] = true
            local fields = list(redis.pcall('HGETALL', 'event:' .. fact.event))
            events[#events + 1] = {fact.event, fields}
        end
        if #events == wanted then
            break
        end
    end
end
return cjson.encode({strings, keys, beats, events})
"""

# The claim of `claim_once` (its key is ARGV[2], its life in seconds ARGV[3]), and SURVEY only if
# nobody has made that claim before. Both take one round trip, since Slack waits only 3 s.
SURVEY_ONCE = f"""
if not redis.call('SET', ARGV[2], '1', 'NX', 'EX', ARGV[3]) then
    return ''
end
{SURVEY}"""

# Moves the value of KEYS[1] to KEYS[2], for ARGV[2] seconds, unless it has the type ARGV[1]. A
# stream that has used its last id takes no entry any more, and is moved too. Returns the type of a
# value that was moved.
SET_ASIDE = """
local found = redis.call('TYPE', KEYS[1]).ok
local full = '18446744073709551615-18446744073709551615'
if found == 'none' then
    return false
elseif found == ARGV[1] then
    local info = found == 'stream' and redis.call('XINFO', 'STREAM', KEYS[1]) or {}
    local is_full = false
    for place = 1, #info, 2 do
        is_full = is_full or info[place] == 'last-generated-id' and info[place + 1] == full
    end
    if not is_full then
        return false
    end
end
redis.call('RENAME', KEYS[1], KEYS[2])
redis.call('EXPIRE', KEYS[2], ARGV[2])
return found
"""

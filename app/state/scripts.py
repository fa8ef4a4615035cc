"""Lua scripts, each of which Redis runs in one step."""

# The beginning of a script that uses the next two. Redis before 7.0 needs it.
_BY_EFFECTS = """
if redis.replicate_commands then
    redis.replicate_commands()
end
"""
# What a script writes after `_IN_MEMORY` is in memory only, neither in the log on disk nor on a
# replica; after `_LOGGED` it is logged again. A server that refuses that logs everything.
_IN_MEMORY = "pcall(redis.set_repl, redis.REPL_NONE)\n"
_LOGGED = "pcall(redis.set_repl, redis.REPL_ALL)\n"

# Stores the heartbeat ARGV[1] under KEYS[1] for ARGV[2] seconds, and returns the value of KEYS[4],
# if that is given. KEYS[3] says since when Redis, by its own clock, has got heartbeats without a
# pause: after a start it has none.
HEARTBEAT = f"""{_BY_EFFECTS}
redis.call('SADD', KEYS[2], KEYS[1])
local now, since = tonumber(redis.call('TIME')[1]), tonumber(redis.call('GET', KEYS[3]))
{_IN_MEMORY}
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
if not (since and since >= 0 and since <= now) then
    since = now
end
redis.call('SET', KEYS[3], string.format('%d', since), 'EX', ARGV[2])
return KEYS[4] and redis.call('MGET', KEYS[4])[1]
"""

# Makes the picture ARGV[1] of the time ARGV[2] the newest, KEYS[1], for ARGV[3] seconds.
SET_LATEST = f"""{_BY_EFFECTS}{_IN_MEMORY}
redis.call('HSET', KEYS[1], 'jpeg', ARGV[1], 'taken_at', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
"""

# Sets all KEYS to ARGV[1] for ARGV[2] seconds.
SET_IN_MEMORY = f"""{_BY_EFFECTS}{_IN_MEMORY}
for _, key in ipairs(KEYS) do
    redis.call('SET', key, ARGV[1], 'EX', ARGV[2])
end
"""

# Stores the picture ARGV[5] as KEYS[4] for ARGV[4] seconds. KEYS[5] has the size and the key of
# each picture, and KEYS[6] their sum; the oldest are deleted when all take more than ARGV[6] bytes.
_STORE_PICTURE = f"""
{_IN_MEMORY}
local total = (tonumber(redis.call('GET', KEYS[6])) or 0) + #ARGV[5]
redis.call('RPUSH', KEYS[5], #ARGV[5] .. ' ' .. KEYS[4])
redis.call('SET', KEYS[4], ARGV[5], 'EX', ARGV[4])
while total > tonumber(ARGV[6]) and redis.call('LLEN', KEYS[5]) > 1 do
    local size, key = string.match(redis.call('LPOP', KEYS[5]), '(%d+) (.*)')
    if size then
        redis.call('DEL', key)
        total = total - size
    end
end
redis.call('SET', KEYS[6], string.format('%d', math.max(total, 0)))
{_LOGGED}
"""

# In one step: a fact that is sent again after a lost answer is on the stream once, and overwrites
# nothing. A picture that Redis has lost since then is stored again. Returns the length of the
# stream, 0 when nothing was published.
PUBLISH_ONCE = f"""{_BY_EFFECTS}
local function has(key)
    return redis.call('EXISTS', key) == 1
end
local is_new = not has(KEYS[1])
if is_new and #ARGV > 6 then
    redis.call('HSET', KEYS[3], unpack(ARGV, 7))
    redis.call('EXPIRE', KEYS[3], ARGV[3])
end
if ARGV[5] ~= '' and (is_new or has(KEYS[3]) and not has(KEYS[4])) then
    {_STORE_PICTURE}
end
if not is_new then
    return 0
end
redis.call('XADD', KEYS[2], '*', 'fact', ARGV[2])
redis.call('SET', KEYS[1], '1', 'EX', ARGV[1])
return redis.call('XLEN', KEYS[2])
"""

# Stores the picture of an event that Redis has lost; the keys and words are those of PUBLISH_ONCE.
RESTORE_PICTURE = f"""{_BY_EFFECTS}
if redis.call('EXISTS', KEYS[3]) == 1 and redis.call('EXISTS', KEYS[4]) == 0 then
    {_STORE_PICTURE}
end
"""

# The command that may fail is first, since Redis rolls nothing back. With a fact that was published
# before, nothing is stored: others may have changed the keys since then.
COMMIT = """
local length = 0
if ARGV[2] ~= '' then
    if redis.call('EXISTS', KEYS[1]) == 1 then
        return 0
    end
    redis.call('XADD', KEYS[2], '*', 'fact', ARGV[2])
    redis.call('SET', KEYS[1], '1', 'EX', ARGV[1])
    length = redis.call('XLEN', KEYS[2])
end
for place = 3, #KEYS do
    redis.call('SET', KEYS[place], ARGV[place])
end
return length
"""

# In one step: the second of two simultaneous clicks sees the result of the first. Returns the
# former label, and then the length of the stream if the label was changed.
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
redis.call('XADD', KEYS[2], '*', 'request', ARGV[4])
was[4] = redis.call('XLEN', KEYS[2])
return was
"""

# Trims the stream KEYS[1] to ARGV[1] entries. What a group has not read or acknowledged stays. Only
# when the entries take more than ARGV[2] bytes, those go that are worth least; KEYS[2] counts them
# for ARGV[3] seconds, and the script returns how many. First go the entries that only the group of
# another program needs, since the notifier's alone reach the owner. Then facts that are no alerts,
# other facts, and last the oldest alerts and tags.
TRIM = """
local function older(one, other)
    local ms, seq = string.match(one, '(%d+)-(%d+)')
    local other_ms, other_seq = string.match(other, '(%d+)-(%d+)')
    if ms == other_ms then
        ms, other_ms = seq, other_seq
    end
    return #ms < #other_ms or #ms == #other_ms and ms < other_ms
end

-- Returns by name the first entry that each group still needs, and the last one that it has read;
-- and how many entries all groups have read but not acknowledged.
local function groups_of(stream, first)
    local needed, read, waiting = {}, {}, 0
    for _, info in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
        local group = {}
        for place = 1, #info, 2 do
            group[info[place]] = info[place + 1]
        end
        local pending = redis.call('XPENDING', stream, group.name, first, '+', 1)
        read[group.name] = group['last-delivered-id']
        needed[group.name] = pending[1] and pending[1][1] or read[group.name]
        waiting = waiting + group.pending
    end
    return needed, read, waiting
end

local function worth(text)
    if string.find(text, '"kind":"motion_corrected"', 1, true) then
        return 2
    elseif string.find(text, '"alert":false', 1, true) then
        return 1
    end
    local is_best = string.find(text, '"kind":"motion_started"', 1, true)
        or string.find(text, '"kind":"motion_confirmed"', 1, true)
        or string.find(text, '"kind":"motion_reconfirmed"', 1, true)
        or string.find(text, '"kind":"tag"', 1, true)
    return is_best and 3 or 2
end

-- Deletes the oldest entries of each worth until `spare` entries are gone; returns the unread ones.
local function drop(stream, spare, read)
    local pending, dropped = {}, 0
    if read then
        for _, entry in ipairs(redis.call('XPENDING', stream, 'notifier', '-', '+', 1000000)) do
            pending[entry[1]] = true
        end
    end
    for level = 0, 3 do
        local from = '-'
        repeat
            local entries, doomed = redis.call('XRANGE', stream, from, '+', 'COUNT', 500), {}
            for _, entry in ipairs(entries) do
                local id = entry[1]
                local is_done = read and not older(read, id) and not pending[id]
                if spare > 0 and (is_done and 0 or worth(entry[2][2])) <= level then
                    doomed[#doomed + 1] = id
                    spare = spare - 1
                end
            end
            if #doomed > 0 then
                redis.call('XDEL', stream, unpack(doomed))
                dropped = dropped + (level > 0 and #doomed or 0)
            end
            from = #entries > 0 and '(' .. entries[#entries][1]
        until spare <= 0 or #entries < 500
    end
    return dropped
end

local stream = KEYS[1]
local spare = redis.call('XLEN', stream) - ARGV[1]
if spare <= 0 then
    return 0
end
local function oldest_of(count)
    return redis.call('XRANGE', stream, '-', '+', 'COUNT', math.min(spare, count) + 1)
end
local oldest = oldest_of(100)
local needed, read, waiting = groups_of(stream, oldest[1][1])
local keep, is_free = oldest[#oldest][1], next(needed) ~= nil
for _, id in pairs(needed) do
    is_free = is_free and older(keep, id)
end
if is_free and spare > 100 then
    local more = oldest_of(1000)
    keep = more[#more][1]
end
for _, id in pairs(needed) do
    keep = older(id, keep) and id or keep
end
if next(needed) then
    redis.call('XTRIM', stream, 'MINID', keep)
end
-- Redis needs some 32 bytes more for an entry, and 500 for one that waits for its acknowledgement.
-- It keeps the latter although the entry is deleted, so that must not take all the room.
local bytes, left = 0, math.max(ARGV[2] - 500 * waiting, ARGV[2] / 4)
for _, entry in ipairs(oldest) do
    bytes = bytes + #entry[2][2] + 32
end
local allowed = math.floor(left * #oldest / bytes)
spare = redis.call('XLEN', stream) - allowed
local dropped = 0
if spare > 0 then
    dropped = drop(stream, math.min(spare + math.ceil(allowed / 40), 2000), read.notifier)
end
if dropped > 0 then
    local before = tonumber(redis.call('GET', KEYS[2])) or 0
    redis.call('SET', KEYS[2], string.format('%d', before + dropped), 'EX', ARGV[3])
end
return dropped
"""

# Everything that a command reads, in one round trip: the plain strings in KEYS and, unless ARGV[1]
# is 0, every heartbeat and ARGV[1] of the newest events, which are among the newest facts. Unless
# ARGV[2] is 0, also how often alerts had each decision in so many seconds, among 5000 facts at
# most. The answer is JSON: Python reads it much faster than Redis's own nested answers. A value of
# a foreign type, or an entry that is no fact, counts as missing.
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
local decisions, seconds = {}, tonumber(ARGV[2])
if seconds > 0 then
    local since = string.format('%d', (redis.call('TIME')[1] - seconds) * 1000)
    local facts = redis.pcall('XREVRANGE', 'events', '+', since, 'COUNT', 5000)
    for _, entry in ipairs(list(facts)) do
        local text = type(entry[2][2]) == 'string' and entry[2][2] or ''
        local opens = string.find(text, '"kind":"motion_started"', 1, true)
        local event = opens and string.match(text, '"event":"([^"]+)"')
        local decision = event and redis.pcall('HGET', 'event:' .. event, 'decision')
        if type(decision) == 'string' then
            decisions[decision] = (decisions[decision] or 0) + 1
        end
    end
end
local since = redis.pcall('GET', 'heartbeats_since')
since = type(since) == 'string' and tonumber(since)
local age = since and since >= 0 and math.max(redis.call('TIME')[1] - since, 0) or 0
return cjson.encode({strings, keys, beats, events, decisions, age})
"""

# The claim of `claim_once` (its key is ARGV[3], its life in seconds ARGV[4]), and SURVEY only if
# nobody has made that claim before. Both take one round trip, since Slack waits only 3 s.
SURVEY_ONCE = f"""
if not redis.call('SET', ARGV[3], '1', 'NX', 'EX', ARGV[4]) then
    return ''
end
{SURVEY}"""

# The events of the openings and clips among at most ARGV[2] facts before the entry ARGV[1] of the
# stream KEYS[1], with the host of a clip, and the oldest of these entries. The answer is JSON, as
# that of SURVEY: Python needs much longer for thousands of entries as such.
PAST_EVENTS = """
local entries = redis.pcall('XREVRANGE', KEYS[1], '(' .. ARGV[1], '-', 'COUNT', ARGV[2])
local found = {}
for _, entry in ipairs(entries.err and {} or entries) do
    local text = entry[2][1] == 'fact' and entry[2][2] or ''
    local is_clip = string.find(text, '"kind":"clip_ready"', 1, true)
    if is_clip or string.find(text, '"kind":"motion_started"', 1, true) then
        local event = string.match(text, '"event":"([^"]+)"')
        local host = is_clip and string.match(text, '"host":"([^"]+)"')
        found[#found + 1] = event and {event, host or ''}
    end
end
local oldest = not entries.err and #entries > 0 and entries[#entries][1]
return cjson.encode({found, oldest or ''})
"""

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

# In one step, so that requests at the same time are counted one by one: counts a login under
# KEYS[1], and returns 0; or returns the seconds to wait when ARGV[1] logins were counted, the last
# one at most ARGV[2] seconds ago.
COUNT_LOGIN = f"""{_BY_EFFECTS}{_IN_MEMORY}
local count = tonumber(redis.call('GET', KEYS[1])) or 0
if count >= tonumber(ARGV[1]) then
    local left = redis.call('TTL', KEYS[1])
    if left > 0 and left <= tonumber(ARGV[2]) then
        return left
    end
    count = 0
end
redis.call('SET', KEYS[1], string.format('%d', math.max(count, 0) + 1), 'EX', ARGV[2])
return 0
"""

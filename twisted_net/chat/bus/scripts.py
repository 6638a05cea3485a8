"""What the broker does in one step: the scripts that a Redis or Valkey runs for us.

All that must not happen by halves is a script. A node is in the chat while ``nodes`` names it with
its epoch; being taken out of there and being told to all others is one step (`REAP`), and so is
being in there and publishing (`PUBLISH`): nobody ever hears of a node that was said to be gone.

The keys, each behind the name of the chat:

======================  =========================================================================
``bus:0``               the stream of everything, see `PUBLISH`
``hist:ROOM``           the stream of what was said in a room
``nodes``               node -> epoch, of those who take part
``node:ID``             a node's lease; it lapses
``nick:KEY``            a name's lease: ``node.epoch.member``; it lapses
``seen:ID:EPOCH``       a node's last drafts: number -> what came of it
``epoch``               the last epoch that was given out
``era``                 the id after which the present chat began, with its first node
``trimmed``             the newest id that is no longer in ``bus:0``
``snapshot``            the state of the chat, and the id up to which it goes
======================  =========================================================================
"""

_COMMON = r"""
local P = KEYS[1] .. ':'
local BUS, NODES, TRIMMED = P .. 'bus:0', P .. 'nodes', P .. 'trimmed'

local function whole(number) return string.format('%.0f', number) end

local function milliseconds()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function parts(id)
  local ms, n = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(n)
end

local function older(a, b)
  local ams, an = parts(a)
  local bms, bn = parts(b)
  return ams < bms or (ams == bms and an < bn)
end

local function newest()
  local last = redis.call('XREVRANGE', BUS, '+', '-', 'COUNT', 1)[1]
  return last and last[1] or redis.call('GET', TRIMMED) or '0-0'
end

-- 16 bits for the count: the id has to fit 64 with the milliseconds. If the clock steps back the
-- millisecond stays; a count that is full carries over into the next one.
local function add(origin, kind, payload)
  local ms, n = parts(newest())
  local at = milliseconds()
  if at > ms then ms, n = at, 0 elseif n < 65535 then n = n + 1 else ms, n = ms + 1, 0 end
  local id = whole(ms) .. '-' .. whole(n)
  redis.call('XADD', BUS, id, 'o', origin, kind, payload)
  return id
end

local function member(node, epoch)
  return redis.call('HGET', NODES, node) == epoch
end

local function remove(node, epoch)
  redis.call('HDEL', NODES, node)
  redis.call('DEL', P .. 'node:' .. node, P .. 'seen:' .. node .. ':' .. epoch)
  add(node .. '.' .. epoch .. '.0', 'gone', '')
end

local function reap()
  local all = redis.call('HGETALL', NODES)
  local gone = 0
  for i = 1, #all, 2 do
    if redis.call('EXISTS', P .. 'node:' .. all[i]) == 0 then
      remove(all[i], all[i + 1])
      gone = gone + 1
    end
  end
  return gone
end

-- A lease of a node that is gone is nobody's, though it has not lapsed yet.
local function claim(key, owner, ttl)
  local held = redis.call('GET', key)
  if held and held ~= owner then
    local node, epoch = string.match(held, '^([^.]*)%.([^.]*)%.')
    if node == nil or member(node, epoch) then return false end
  end
  redis.call('SET', key, owner, 'PX', ttl)
  return true
end

local function release(key, owner)
  if redis.call('GET', key) == owner then redis.call('DEL', key) end
end
"""

#: node, lease in ms -> epoch, newest id, id to begin at, snapshot (empty: none)
#: An epoch is a time too, so that a broker which lost its data gives none out twice. Whoever finds
#: nobody else begins a new era: what was before is over, with all who were in it.
JOIN = (
    _COMMON
    + r"""
local node, ttl = ARGV[1], ARGV[2]
local epoch = redis.call('INCR', P .. 'epoch')
local at = milliseconds()
if at > epoch then epoch = at; redis.call('SET', P .. 'epoch', whole(epoch)) end
local old = redis.call('HGET', NODES, node)
if old then remove(node, old) end
reap()
if redis.call('HLEN', NODES) == 0 then
  redis.call('SET', P .. 'era', newest())
  redis.call('DEL', P .. 'snapshot')
end
redis.call('HSET', NODES, node, whole(epoch))
redis.call('SET', P .. 'node:' .. node, whole(epoch), 'PX', ttl)
local era = redis.call('GET', P .. 'era') or '0-0'
return {whole(epoch), newest(), era, redis.call('GET', P .. 'snapshot') or ''}
"""
)

#: node, epoch, lease in ms, age in ms and number of events that the bus keeps -> 1; 0: fenced
RENEW = (
    _COMMON
    + r"""
local node, epoch, ttl, keep, most = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
if not member(node, epoch) then return 0 end
redis.call('SET', P .. 'node:' .. node, epoch, 'PX', ttl)
local floor = whole(milliseconds() - keep) .. '-0'
local last = redis.call('XREVRANGE', BUS, '(' .. floor, '-', 'COUNT', 1)[1]
if last then
  redis.call('XTRIM', BUS, 'MINID', floor)
  redis.call('SET', TRIMMED, last[1])
end
if redis.call('XLEN', BUS) > most then
  redis.call('XTRIM', BUS, 'MAXLEN', most)
  redis.call('SET', TRIMMED, redis.call('XRANGE', BUS, '-', '+', 'COUNT', 1)[1][1])
end
return 1
"""
)

#: node, epoch -> how many nodes were taken out because their lease has lapsed
REAP = (
    _COMMON
    + r"""
if not member(ARGV[1], ARGV[2]) then return 0 end
return reap()
"""
)

#: node, epoch -> 1 if it was in the chat
LEAVE = (
    _COMMON
    + r"""
if not member(ARGV[1], ARGV[2]) then return 0 end
remove(ARGV[1], ARGV[2])
return 1
"""
)

#: node, epoch, number, draft, room, history's age in ms and length, name to claim, its owner, lease
#: in ms, name to release -> the id; ``FENCED``; ``TAKEN``; ``GAP``: an earlier number is missing.
#: A number that was seen is answered as it was the first time: sent again is not said again.
PUBLISH = (
    _COMMON
    + r"""
local node, epoch, number, draft = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local room, age, length = ARGV[5], ARGV[6], ARGV[7]
local wanted, owner, ttl, given = ARGV[8], ARGV[9], ARGV[10], ARGV[11]
if not member(node, epoch) then return 'FENCED' end
local seen = P .. 'seen:' .. node .. ':' .. epoch
local before = redis.call('HGET', seen, number)
if before then return before end
if tonumber(number) ~= tonumber(redis.call('HGET', seen, 'last') or 0) + 1 then return 'GAP' end
local outcome
if wanted ~= '' and not claim(P .. 'nick:' .. wanted, owner, ttl) then
  outcome = 'TAKEN'
else
  if given ~= '' then release(P .. 'nick:' .. given, owner) end
  outcome = add(node .. '.' .. epoch .. '.' .. number, 'draft', draft)
  if room ~= '' then
    local history = P .. 'hist:' .. room
    redis.call('XADD', history, 'MAXLEN', '~', length, outcome, 'draft', draft)
    redis.call('PEXPIRE', history, age)
  end
end
redis.call('HSET', seen, number, outcome, 'last', number)
redis.call('HDEL', seen, whole(tonumber(number) - 2000))
redis.call('PEXPIRE', seen, 3600000)
return outcome
"""
)

#: id -> 1 if everything after it is still there; 0: not, or the broker is older than the id
RESUME = (
    _COMMON
    + r"""
if older(newest(), ARGV[1]) or older(ARGV[1], redis.call('GET', TRIMMED) or '0-0') then return 0 end
return 1
"""
)

#: node, epoch, id, state -> 1; 0: fenced
SNAPSHOT = (
    _COMMON
    + r"""
if not member(ARGV[1], ARGV[2]) then return 0 end
redis.call('SET', P .. 'snapshot', ARGV[3] .. ' ' .. ARGV[4])
return 1
"""
)

#: name, owner, lease in ms -> 1; 0: it is somebody else's
CLAIM = _COMMON + "return claim(P .. 'nick:' .. ARGV[1], ARGV[2], ARGV[3]) and 1 or 0"

#: lease in ms, then name and owner, name and owner … -> how many are theirs
CLAIM_ALL = (
    _COMMON
    + r"""
local held = 0
for i = 2, #ARGV, 2 do
  if claim(P .. 'nick:' .. ARGV[i], ARGV[i + 1], ARGV[1]) then held = held + 1 end
end
return held
"""
)

#: name, owner -> 1
RELEASE = _COMMON + "release(P .. 'nick:' .. ARGV[1], ARGV[2]) return 1"

#: old room, new room, id -> how many messages have moved: those before that id
#: Both streams are written anew where both have something, for a stream only grows at its end.
MOVE = (
    _COMMON
    + r"""
local old, new, at = P .. 'hist:' .. ARGV[1], P .. 'hist:' .. ARGV[2], ARGV[3]
local age = redis.call('PTTL', old)
local moving = redis.call('XRANGE', old, '-', '(' .. at)
if #moving == 0 then return 0 end
local staying = redis.call('XRANGE', new, '-', '+')
for i = 1, #moving do redis.call('XDEL', old, moving[i][1]) end
if redis.call('XLEN', old) == 0 then redis.call('DEL', old) end
redis.call('DEL', new)
local i, j = 1, 1
while i <= #moving or j <= #staying do
  local entry
  if j > #staying or (i <= #moving and older(moving[i][1], staying[j][1])) then
    entry, i = moving[i], i + 1
  else
    entry, j = staying[j], j + 1
  end
  redis.call('XADD', new, entry[1], unpack(entry[2]))
end
if age > 0 then redis.call('PEXPIRE', new, age) end
return #moving
"""
)

#: room, id, who said it -> how many texts were taken out: of the bus and of the room's history
#: Of what was said in the room, or by that member in private: else who rules one room could take
#: out whatever happened anywhere, and who reads that later would not agree with the others. What is
#: in the room's history was said in it, under whatever name the room had then.
#: Not the newest of the bus: the next id is made from that.
REDACT = (
    _COMMON
    + r"""
local room, id, by = ARGV[1], ARGV[2], ARGV[3]
if not older(id, newest()) then return 0 end
local taken = redis.call('XDEL', P .. 'hist:' .. room, id)
local entry = redis.call('XRANGE', BUS, id, id)[1]
if entry == nil or entry[2][3] ~= 'draft' then return taken end
local read, draft = pcall(cjson.decode, entry[2][4])
if not read or type(draft) ~= 'table' then return taken end
local spoken = {SAID = true, ACTED = true, NOTICED = true, TOLD = true}
local where, private, said_by = draft[3], draft[6], draft[8]
if not spoken[draft[2]] then return taken end
local hers = private and said_by == by
if hers or taken > 0 or not private and string.lower(where) == room then
  taken = taken + redis.call('XDEL', BUS, id)
end
return taken
"""
)

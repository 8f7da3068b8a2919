-- Hands out refreshes that are due, each with its lock, and no faster than all refreshers together may begin them.
-- First those that somebody waits for, then in turn those of accounts that are new and those that are overdue, the most
-- overdue first: neither keeps the other from its turn, however many there are. Among the new ones each call begins
-- somewhere else, so that no kind of account has to wait for all of another.
-- Whoever is locked is passed over: somebody is at it, or was killed, and then the lock expires by itself.
-- ARGV: now, owner of the locks, their milliseconds, the time by the clock of the schedule, how many at the most,
--       milliseconds between two refreshes, how many of them may begin at the same moment, how many of those that were
--       handed out before have asked nobody, how many may be under way along one line,
--       number of lines, line, how many more along that one (-1: none, and who is due there comes again later) …,
--       name, milliseconds until it is due again …
-- Returns {milliseconds until there is more to do ('': none is planned), whether it is the rate that holds others back,
--          how many are due, name, line, name, line …}

local owner, lock_ms, clock, most = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local interval, burst, returned, usual = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
-- Names that are looked at in one step, and in one call: so long others wait for Redis.
local PAGE, LONGEST = 64, 1024
-- Who is due along a line that answers nobody would stand before all others for ever.
local LATER, SPREAD = 10000, 10000

local queue, room, behind = key('refresh'), {}, 11 + 2 * tonumber(ARGV[10])
for i = 11, behind - 1, 2 do room[ARGV[i]] = tonumber(ARGV[i + 1]) end
for i = behind, #ARGV, 2 do
  redis.call('ZADD', queue, 'XX', 'GT', int(clock + tonumber(ARGV[i + 1])), ARGV[i]) -- whatever comes later stays so
end

-- The rate, as a time: when the last refresh that was begun would have been begun had they come one by one.
local whole = burst * interval
local before = tonumber(redis.call('GET', key('exchanges')) or '0')
local turn = math.max(NOW, math.min(before, NOW + whole) - returned * interval)
local may = math.floor((NOW + whole - turn) / interval + 0.001)

local looked_at, put_off, taken = 0, {}, {}

-- Names of `size` ranks from `first` on, beginning with the one at `start` and going round.
local function walk(first, size, start)
  local seen, page, at = 0, {}, 1
  return function()
    if at > #page then
      if seen >= size or looked_at >= LONGEST then return nil end
      local offset = (start + seen) % size
      local count = math.min(PAGE, size - seen, size - offset)
      page, at = redis.call('ZRANGE', queue, first + offset, first + offset + count - 1), 1
      if #page == 0 then return nil end
    end
    seen, looked_at, at = seen + 1, looked_at + 1, at + 1
    return page[at - 1]
  end
end

-- The next of `names` that can be had, and its line; nil where there is none.
local function find(names)
  for name in names do
    if redis.call('EXISTS', key('lock', name)) == 0 then
      local line = redis.call('HGET', key('account', name), 'line') or ''
      local left = room[line] or usual
      if left > 0 then return name, line end
      if left < 0 then put_off[#put_off + 1] = name end
    end
  end
end

local function take(name, line)
  redis.call('SET', key('lock', name), owner, 'PX', lock_ms)
  room[line] = (room[line] or usual) - 1
  taken[#taken + 1] = name
  taken[#taken + 1] = line
end

local due = redis.call('ZCOUNT', queue, '-inf', int(clock))
local asked = redis.call('ZCOUNT', queue, '-inf', '(' .. AT_ONCE)
local fresh = redis.call('ZCOUNT', queue, AT_ONCE, AT_ONCE)
local wanted = walk(0, asked, 0)
local parts = {walk(asked, fresh, fresh > 0 and NOW * 97 % fresh or 0), walk(asked + fresh, due - asked - fresh, 0)}
local which = 1 + NOW % 2

local function find_next()
  local name, line = find(wanted)
  if name then return name, line end
  which = 3 - which
  name, line = find(parts[which])
  if name then return name, line end
  return find(parts[3 - which])
end

local name, line = find_next()
while name and #taken < 2 * math.min(most, may) do
  take(name, line)
  name, line = find_next()
end
for i, late in ipairs(put_off) do
  redis.call('ZADD', queue, 'XX', int(clock + LATER + SPREAD * i / #put_off), late)
end

local count = #taken / 2
if count > 0 or returned > 0 then
  turn = turn + count * interval
  redis.call('SET', key('exchanges'), string.format('%.3f', turn), 'PX', int(math.max(1, turn - NOW) + interval))
end
local is_held_back = name and count == may
local wait = ''
if is_held_back then
  wait = int(math.max(1, turn + interval - NOW - whole))
elseif name or looked_at >= LONGEST then
  wait = '0'
else
  local next_due = redis.call('ZRANGE', queue, '(' .. int(clock), '+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')
  if next_due[2] then wait = int(tonumber(next_due[2]) - clock) end
end
return {wait, is_held_back and 1 or 0, due, unpack(taken)}

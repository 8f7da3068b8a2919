-- Hands out refreshes that are due, each with its lock, and no faster than all refreshers together may begin them.
-- What is due stands in `refresh`, where every release plans it. From there it is put into the queue of its line: some
-- ranks of it in each call, the newest of them at once, and all in turn. So nobody else has to care for the queues: who
-- is due no longer, or locked, or has another line is dropped when he is first in his queue, and who is missing is found.
-- A line without room costs nothing, however many wait for it, and who has it for himself is not held up by others.
-- Those that somebody waits for go first, and have one pick of two where others are due as well. These are in turn new
-- accounts and overdue ones, now who waits longest and now one of any line: no account and no line waits for ever. Of
-- the new ones none goes before others. Along lines that are not known to answer go a quarter of them, and what is left.
-- ARGV: now, owner of the locks, their milliseconds, the time by the clock of the schedule, how many at the most,
--       milliseconds between two refreshes, how many of them may begin at the same moment, how many of those that were
--       handed out before have asked nobody (below 0: were asked beside them),
--       how many may be under way along one line, how many more in all along lines that nobody knows to answer, and
--       along silent ones ('': any number),
--       how many kinds of lines, what is known of these (answers, fails, unknown or silent), how many more along each of
--       them, their number, line …, those of the next kind …,
--       name, milliseconds until it is due again …
-- Returns {milliseconds until there is more to do ('': none is planned), whether it is the rate that holds others back,
--          whether some wait for a line without room, how many are due, name, line, name, line …}

local owner, lock_ms, clock, most = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local interval, burst, unused = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
-- In one call: ranks of `refresh`, names that are handed out, that are looked at for it, and that are dropped at once.
-- Where there are more, the next call comes at once, or soon.
local RANKS, MOST, LOOKS, DROPPED, SOON = 80, 32, 48, 200, 200
-- What was begun beyond the rate is made up for by waiting, for no longer than this.
local OWED = 60000

local refresh, at = key('refresh'), 13
local together = {unknown = tonumber(ARGV[10]) or math.huge, silent = tonumber(ARGV[11]) or math.huge}
local ways = {usual = {known = 'unknown', left = tonumber(ARGV[9])}, kinds = {}, begun = {}, answer = {}, together = together}
for _ = 1, tonumber(ARGV[12]) do
  local kind, behind = {known = ARGV[at], left = tonumber(ARGV[at + 1])}, at + 3 + tonumber(ARGV[at + 2])
  for i = at + 3, behind - 1 do
    ways.kinds[ARGV[i]] = kind
    if kind.known == 'answers' then table.insert(ways.answer, ARGV[i]) end
  end
  at = behind
end

local soonest = math.huge
for i = at, #ARGV, 2 do
  local name, late = ARGV[i], ARGV[i + 1]
  if tonumber(redis.call('ZSCORE', refresh, name) or '0') < 0 then -- keeps its place before others
    redis.call('SET', key('lock', name), owner, 'NX', 'PX', late)
    soonest = math.min(soonest, tonumber(late))
  else
    redis.call('ZADD', refresh, 'XX', 'GT', int(clock + tonumber(late)), name) -- whatever comes later stays so
  end
end

-- The rate, as a time: when the last refresh that was begun would have been begun had they come one by one.
local whole = burst * interval
local before = tonumber(redis.call('GET', key('exchanges')) or '0')
local turn = math.max(NOW, math.min(math.max(NOW, before) - unused * interval, NOW + whole + OWED))
local may = math.floor((NOW + whole - turn) / interval + 0.001) -- below 0 where too many were begun

local due = redis.call('ZCOUNT', refresh, '-inf', int(clock))
sort_in_some(due, RANKS)

local good, others, waits = {}, {}, {}
good.new, others.new, waits.new = lines_of(ways, 'new')
good.old, others.old, waits.old = lines_of(ways, 'old')
local asked, further, waits_asked = lines_of(ways, 'asked')
for _, each in ipairs(further) do table.insert(asked, each) end
local waits_for_room = (waits.new or waits.old or waits_asked) and 1 or 0

-- Which turn it is of those that nobody asked for, and whether one that was asked for had the last pick.
local turns = redis.call('HMGET', key('turns'), 'step', 'asked')
local step, was_asked = tonumber(turns[1]) or 0, turns[2] == '1'

local function pick()
  local wanted = first_line(ways, asked)
  if wanted and not was_asked then return wanted end
  local one, other = 'old', 'new'
  if step % 2 == 1 then one, other = other, one end
  local choose = step % 4 < 2 and first_line or any_line
  local some, rest = good, others
  if step % 16 >= 12 then some, rest = rest, some end
  return choose(ways, some[one]) or choose(ways, some[other]) or choose(ways, rest[one]) or choose(ways, rest[other])
    or wanted
end

local looks, dropped, taken = 0, 0, {}

-- Whether the name is to be had still along this line; then nobody else has it from now on.
local function take(name, line)
  local planned = tonumber(redis.call('ZSCORE', refresh, name) or 'inf') or math.huge
  if planned > clock or (redis.call('HGET', key('account', name), 'line') or '') ~= line then return false end
  if not redis.call('SET', key('lock', name), owner, 'NX', 'PX', lock_ms) then return false end
  go_along(ways, line)
  taken[#taken + 1] = name
  taken[#taken + 1] = line
  return true
end

-- Takes the first of the line's queue, if it is to be had. If not, many behind it may be so too: the operator has taken
-- out all that waited there.
local function take_from(each)
  local queue, heads = key('due', each.class, each.line), key('due', each.class)
  local name = redis.call('ZPOPMIN', queue)[1]
  if not (name and take(name, each.line)) and dropped < DROPPED then
    dropped = dropped + drop_undue(queue, clock, DROPPED / 2)
  end
  each.first = tonumber(redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES')[2])
  if each.first then
    redis.call('ZADD', heads, each.first, each.line)
    if not has_room(ways, each.line) then waits_for_room = 1 end
  else
    redis.call('ZREM', heads, each.line)
  end
end

local each = pick()
while each and #taken < 2 * math.min(most, may, MOST) and looks < LOOKS do
  was_asked = each.class == 'asked'
  if not was_asked then step = step + 1 end
  looks = looks + 1
  take_from(each)
  each = pick()
end

local count = #taken / 2
if count > 0 or unused ~= 0 then
  turn = turn + count * interval
  redis.call('HSET', key('turns'), 'step', step % 16, 'asked', was_asked and 1 or 0)
  redis.call('SET', key('exchanges'), string.format('%.3f', turn), 'PX', int(math.max(1, turn - NOW) + interval))
end
local is_held_back = each and count >= may
local wait = ''
if is_held_back then
  wait = int(math.max(1, turn + interval - NOW - whole))
elseif each then
  wait = '0'
else
  local next_due = redis.call('ZRANGE', refresh, '(' .. int(clock), '+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')
  if next_due[2] then soonest = math.min(soonest, tonumber(next_due[2]) - clock) end
  if due > RANKS then soonest = math.min(soonest, SOON) end
  if soonest < math.huge then wait = int(soonest) end
end
return {wait, is_held_back and 1 or 0, waits_for_room, due, unpack(taken)}

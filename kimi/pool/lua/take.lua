-- Hands out refreshes that are due, each with its lock, and no faster than all refreshers together may begin them.
-- What is due stands in `refresh`, where every release plans it. From there it is put into the queue of its line: some
-- ranks of it in each call, the newest of them at once, and all in turn. So nobody else has to care for the queues: who
-- is due no longer, or locked, or has another line is dropped when he is first in his queue, and who is missing is found.
-- A line without room costs nothing, however many wait for it, and who has it for himself is not held up by others.
-- Those that somebody waits for go first, and have one pick of two where others are due as well. These are in turn new
-- accounts and overdue ones, now who waits longest and now one of any line: no account and no line waits for ever. Of
-- the new ones none goes before others. Along lines where all fails at once go a quarter of them, and what others leave.
-- ARGV: now, owner of the locks, their milliseconds, the time by the clock of the schedule, how many at the most,
--       milliseconds between two refreshes, how many of them may begin at the same moment, how many of those that were
--       handed out before have asked nobody (below 0: were asked beside them),
--       how many may be under way along one line, how many more in all along lines that nobody knows to answer, and
--       along silent ones ('': any number),
--       number of lines, line, how many more along that one, what is known of it: answers, fails, unknown, silent …,
--       name, milliseconds until it is due again …
-- Returns {milliseconds until there is more to do ('': none is planned), whether it is the rate that holds others back,
--          whether some wait for a line without room, how many are due, name, line, name, line …}

local owner, lock_ms, clock, most = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local interval, burst, unused, usual = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local together = {unknown = tonumber(ARGV[10]) or math.huge, silent = tonumber(ARGV[11]) or math.huge}
local is_heard = {answers = true, fails = true}
-- In one call: ranks of `refresh`, lines in one step and steps, names that are handed out, and names that are looked at
-- for it. Where there are more, the next call comes at once, or soon.
local RANKS, LINES, STEPS, MOST, LOOKS, SOON = 80, 64, 8, 32, 48, 200
-- What was begun beyond the rate is made up for by waiting, for no longer than this: the clock may have been set back.
local OWED = 60000

local refresh, room, known, behind = key('refresh'), {}, {}, 13 + 3 * tonumber(ARGV[12])
for i = 13, behind - 1, 3 do room[ARGV[i]], known[ARGV[i]] = tonumber(ARGV[i + 1]), ARGV[i + 2] end

local soonest = math.huge
for i = behind, #ARGV, 2 do
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
local turn = math.max(NOW, math.min(before, NOW + whole + OWED) - unused * interval)
local may = math.floor((NOW + whole - turn) / interval + 0.001) -- below 0 where too many were begun

math.randomseed(NOW % 2147483647)
local due = redis.call('ZCOUNT', refresh, '-inf', int(clock))

-- Puts whoever has the ranks from `first` on, is due and is not locked into the queue of his line; new ones at random.
local function sort_in(first, behind)
  local page = behind > first and redis.call('ZRANGE', refresh, first, behind - 1, 'WITHSCORES') or {}
  local locks, queues, heads = {}, {}, {}
  for i = 1, #page, 2 do locks[#locks + 1] = key('lock', page[i]) end
  for i, lock in ipairs(#locks > 0 and redis.call('MGET', unpack(locks)) or {}) do
    if not lock then
      local name, score = page[2 * i - 1], page[2 * i]
      local line = redis.call('HGET', key('account', name), 'line') or ''
      local class = tonumber(score) < 0 and 'asked' or score == AT_ONCE and 'new' or 'old'
      local place = key('due', class, line)
      local queue = queues[place]
      if not queue then
        queue = {class = class, line = line, first = math.huge, words = {'ZADD', place}}
        if class == 'new' then table.insert(queue.words, 'NX') end
        queues[place] = queue
      end
      if class == 'new' then score = tostring(math.random()) end
      queue.first = math.min(queue.first, tonumber(score))
      table.insert(queue.words, score)
      table.insert(queue.words, name)
    end
  end
  for _, queue in pairs(queues) do
    redis.call(unpack(queue.words))
    heads[queue.class] = heads[queue.class] or {'ZADD', key('due', queue.class), 'LT'}
    table.insert(heads[queue.class], string.format('%.17g', queue.first))
    table.insert(heads[queue.class], queue.line)
  end
  for _, words in pairs(heads) do redis.call(unpack(words)) end
end

-- Of each class some in turn; of those asked for also the newest, of the overdue ones the oldest and the newest.
if due > RANKS then
  local asked = redis.call('ZCOUNT', refresh, '-inf', '(' .. AT_ONCE)
  local new = redis.call('ZCOUNT', refresh, '-inf', AT_ONCE)
  local places = (asked > 0 and 2 or 0) + (new > asked and 1 or 0) + (due > new and 3 or 0)
  local count = math.floor(RANKS / places)
  local function some(class, first, behind)
    local from = tonumber(redis.call('HGET', key('due', 'from'), class) or '0')
    if first + from >= behind then from = 0 end
    redis.call('HSET', key('due', 'from'), class, from + count)
    sort_in(first + from, math.min(first + from + count, behind))
  end
  if asked > 0 then
    some('asked', 0, asked)
    sort_in(math.max(0, asked - count), asked)
  end
  if new > asked then some('new', asked, new) end
  if due > new then
    some('old', new, due)
    sort_in(new, math.min(new + count, due))
    sort_in(math.max(new, due - count), due)
  end
else
  sort_in(0, due)
end

local function has_room(line)
  local what = known[line] or 'unknown'
  if what == 'silent' and together.silent < 1 then return false end
  return (room[line] or usual) > 0 and (is_heard[what] or together.unknown > 0)
end

local waits_for_room = 0

-- Lines that have room, each with the place of the first in its queue: the first of all, and some from elsewhere. Those
-- that do not fail, and those that do.
local function lines_of(class)
  local heads, seen, good, bad = key('due', class), {}, {}, {}
  local all = redis.call('ZCARD', heads)
  for step = 1, math.min(STEPS, math.ceil(all / LINES)) do
    local from = step > 1 and math.random(0, all - 1) or 0
    local page = redis.call('ZRANGE', heads, from, from + LINES - 1, 'WITHSCORES')
    for i = 1, #page, 2 do
      local line = page[i]
      if not has_room(line) then
        waits_for_room = 1
      elseif not seen[line] then
        seen[line] = true
        local found = known[line] == 'fails' and bad or good
        found[#found + 1] = {class = class, line = line, first = tonumber(page[i + 1])}
      end
    end
    if step > 1 and #good + #bad > 0 then break end
  end
  return good, bad
end

local function first_of(lines)
  local first
  for _, each in ipairs(lines) do
    if each.first and (not first or each.first < first.first) and has_room(each.line) then first = each end
  end
  return first
end

local function any_of(lines)
  local from = #lines > 0 and math.random(#lines) or 0
  for i = 1, #lines do
    local each = lines[(from + i) % #lines + 1]
    if each.first and has_room(each.line) then return each end
  end
end

local good, bad = {}, {}
good.new, bad.new = lines_of('new')
good.old, bad.old = lines_of('old')
local asked, failing = lines_of('asked')
for _, each in ipairs(failing) do table.insert(asked, each) end

-- Which turn it is of those that nobody asked for, and whether one that was asked for had the last pick.
local turns = redis.call('HMGET', key('turns'), 'step', 'asked')
local step, was_asked = tonumber(turns[1]) or 0, turns[2] == '1'

local function pick()
  local wanted = first_of(asked)
  if wanted and not was_asked then return wanted end
  local one, other = 'old', 'new'
  if step % 2 == 1 then one, other = other, one end
  local choose = step % 4 < 2 and first_of or any_of
  local some, others = good, bad
  if step % 16 >= 12 then some, others = others, some end
  return choose(some[one]) or choose(some[other]) or choose(others[one]) or choose(others[other]) or wanted
end

local looks, taken = 0, {}

-- Whether the name is to be had still along this line; then nobody else has it from now on.
local function take(name, line)
  local planned = tonumber(redis.call('ZSCORE', refresh, name) or 'inf') or math.huge
  if planned > clock or (redis.call('HGET', key('account', name), 'line') or '') ~= line then return false end
  if not redis.call('SET', key('lock', name), owner, 'NX', 'PX', lock_ms) then return false end
  room[line] = (room[line] or usual) - 1
  local what = known[line] or 'unknown'
  if not is_heard[what] then together.unknown = together.unknown - 1 end
  if what == 'silent' then together.silent = together.silent - 1 end
  taken[#taken + 1] = name
  taken[#taken + 1] = line
  return true
end

-- Takes the first of the line's queue that is to be had.
local function take_from(each)
  local queue, heads = key('due', each.class, each.line), key('due', each.class)
  local name = redis.call('ZPOPMIN', queue)[1]
  looks = looks + 1
  while name and not take(name, each.line) and looks < LOOKS do
    name, looks = redis.call('ZPOPMIN', queue)[1], looks + 1
  end
  each.first = tonumber(redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES')[2])
  if each.first then
    redis.call('ZADD', heads, each.first, each.line)
    if not has_room(each.line) then waits_for_room = 1 end
  else
    redis.call('ZREM', heads, each.line)
  end
end

local each = pick()
while each and #taken < 2 * math.min(most, may, MOST) and looks < LOOKS do
  was_asked = each.class == 'asked'
  if not was_asked then step = step + 1 end
  take_from(each)
  each = pick()
end

local count = #taken / 2
if count > 0 or unused ~= 0 then
  turn = turn + count * interval
  redis.call('HSET', key('turns'), 'step', step % 16, 'asked', was_asked and 1 or 0)
  redis.call('PEXPIRE', key('turns'), OWED)
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

-- Chooses an account and leases it, in one step: the highest priority, and there the one whose turn it is.
-- ARGV: now, routes (JSON), model, names not to take (JSON), lease id, lease milliseconds, lines not to use (JSON),
--       ticket ('' for none), milliseconds that the caller would wait, name of the only account that will do ('': any)
-- Returns {'leased', name, spec, access token, version, now, 1 for a probe}; or {'left'} where so many were in the way, or
-- had something happen to them, that others are left to look at: it is to be asked again at once; or {why not}. Behind
-- 'cooling' and 'pending' stand the milliseconds until the first can be had, unless somebody may be free sooner. Where
-- waiting can help within the time that the caller has, its ticket is in the queue afterwards.

local routes, model = cjson.decode(ARGV[2]), ARGV[3]
local only = ARGV[10]
local wish = {model, cjson.decode(ARGV[4]), cjson.decode(ARGV[7]), only}
local excluded, tripped = {}, {}
for _, name in ipairs(wish[2]) do excluded[name] = true end
for _, line in ipairs(wish[3]) do tripped[line] = true end
local any_tripped = next(tripped) ~= nil
local ticket, patience = ARGV[8], tonumber(ARGV[9])

local is_behind = catch_up(routes) -- somebody may have rested, or be free, and stand where he did
if only ~= '' then
  local a = read(only)
  -- It may stand behind all whom there was time to look at.
  if a and a.place == 'cooling' and math.max(a.cool_until, a.rate_until) <= NOW then settle(only, a) end
end
local waits = someone_waits()
local has_waited = waits and ticket ~= '' and redis.call('EXISTS', key('ticket', ticket)) == 1
local given_up = has_waited and give_up_place(ticket) or nil -- a place that was kept for it

local skipped = false -- somebody is there, but not for this request
local cut_off = false -- somebody could serve it, but not be reached
local kept = false -- somebody was ready, but whoever was called goes before
local left = false -- so many were in the way that the others were not looked at

-- Nothing here may take longer the more accounts there are. Those that refuse a model, or stand behind a line that is not
-- to be used, are met in their turn by whoever cannot take them, and would be for as long as nobody else does. So they are
-- set aside, before all others of their priority: line by line, so that those of one line are passed by at one go; behind
-- these by the end of what they refuse. There a few are looked at first, and some more where nobody else is left.
local FEW, MANY = 8, 32 -- of those set aside, in one priority
local MOST_ASIDE = 64 -- the same in all priorities of a route together: of many fewer each, and other ones each time
local IN_THE_WAY = 200 -- so many are set aside or taken out in one call, where one that is taken out counts
local TAKEN_OUT = 8 -- for so many along each of its routes
local in_the_way = 0 -- so many were so far, along all routes and of all priorities
local LEFT_FULL = 256 -- as long as so many leases run, accounts that are filled stay among those that are ready
local MOST_KEPT = 32 -- so many are looked at to find one that is kept for nobody else
local MOST_ELSEWHERE = 256 -- so many are looked at to find one that cannot serve now

-- Where those behind a line stand: with some 10^12 numbers no two lines have the same.
local function score_of(line)
  return LINES + tonumber(string.sub(redis.sha1hex(line), 1, 10), 16)
end

local barred = nil -- the scores of the lines that are not to be used, once they were asked for
local function is_barred(score)
  if not any_tripped or score >= REFUSING then return false end
  if not barred then
    barred = {}
    for line in pairs(tripped) do barred[score_of(line)] = true end
  end
  return barred[score]
end

-- The line of an account, if that is not to be used.
local function tripped_line(name)
  local line = any_tripped and redis.call('HGET', key('account', name), 'line')
  if not line or not tripped[line] then return nil end
  cut_off = true
  return line
end

-- Up to `size` of those who stand there, from number `from` on, with their scores; the only one who will do, if there is
-- one and he is there, without a look at the others.
local function standing(there, from, size)
  if only == '' then return redis.call('ZRANGE', there, from, from + size - 1, 'WITHSCORES') end
  local score = from == 0 and redis.call('ZSCORE', there, only)
  return score and {only, score} or {}
end

-- Walks over those of a place in their order, from number `from` on and below `to`, until `visit`, which is given name and
-- score, answers STOP, or was given `most` of them. It answers GONE when it has taken the account out of the place, and
-- PASSED where all of that score are to be passed by for nothing.
-- Returns the number at which it has stopped, or nil where nobody stands from there on.
local STOP, GONE, PASSED = 1, 2, 3
local function walk(there, from, to, most, visit)
  local size = 1 -- the first will do as a rule
  while from < to do
    local page, seen = standing(there, from, math.min(size, to - from)), nil
    if #page == 0 then return nil end
    for i = 1, #page, 2 do
      seen = visit(page[i], tonumber(page[i + 1]))
      if seen == STOP then return from end
      if seen ~= GONE then from = from + 1 end
      if seen ~= PASSED then most = most - 1 end
      if most == 0 then return from end
    end
    if seen == PASSED then from = math.max(from, redis.call('ZCOUNT', there, '-inf', page[#page])) end
    size = math.min(size * 4, 256)
  end
  return from
end

-- Whether an account that is ready has a place that is not kept for somebody who was called.
local function is_free(name, a)
  return not waits or a.in_flight + kept_places(name) < limit_of(a)
end

local function is_ready(a)
  return a and a.place == 'ready' and a.expires > NOW and a.in_flight < limit_of(a)
end

local function candidate(route, priority, most)
  local ready = place_key(route, 'ready', priority)
  local name, account, turn
  local taken, is_over = 0, false

  local aside = {} -- written when all were looked at: nobody moves beneath the walks
  local function set_aside(each, score, to)
    if only ~= '' or score == to then return end
    aside[#aside + 1], aside[#aside + 2] = int(to), each
    in_the_way = in_the_way + 1
  end

  local function look(each, score)
    if cut_off and is_barred(score) then return PASSED end
    local time = refuses_until(each, model)
    local line = not time and not excluded[each] and tripped_line(each)
    if time or excluded[each] then
      skipped = true
      if time then set_aside(each, score, REFUSING + time) end
    elseif line then
      set_aside(each, score, score_of(line))
    else
      local a = read(each)
      if not is_ready(a) then
        redis.call('ZREM', ready, each) -- also of an account that Redis has lost, or it would be met here for ever
        settle(each, a)
        in_the_way = in_the_way + TAKEN_OUT * (a and #a.routes or 1)
        left = in_the_way > IN_THE_WAY
        is_over = left
        return left and STOP or GONE
      elseif is_free(each, a) then
        name, account, turn, is_over = each, a, score, true
        return STOP
      end
      kept, taken = true, taken + 1
    end
    left = in_the_way > IN_THE_WAY
    is_over = left or taken > MOST_KEPT
    return is_over and STOP
  end

  local from = walk(ready, 0, math.huge, math.min(FEW, most), look)
  if from and not is_over then
    local others = redis.call('ZCOUNT', ready, '-inf', '(0')
    if not walk(ready, math.max(from, others), math.huge, math.huge, look) then
      -- Whoever refuses is not met behind a line again: these are looked at until one will do.
      local refusing = math.max(from, redis.call('ZCOUNT', ready, '-inf', '(' .. int(REFUSING)))
      walk(ready, from, refusing, math.huge, look)
      local many = math.min(MANY, most)
      if not is_over then walk(ready, refusing + any_of(others - refusing - many + 1), others, many, look) end
    end
  end
  if aside[1] then redis.call('ZADD', ready, unpack(aside)) end
  if not name and redis.call('EXISTS', ready) == 0 then
    redis.call('ZREM', key('route', route, 'priorities'), priority) -- until somebody is ready there again
  end
  return name, account, turn
end

local function choose()
  local best, best_account, best_priority, best_score
  for _, route in ipairs(routes) do
    local priorities = redis.call('ZREVRANGE', key('route', route, 'priorities'), 0, -1)
    for _, priority in ipairs(priorities) do
      local rank = tonumber(priority)
      if best and rank < best_priority then break end
      local name, a, score = candidate(route, priority, math.ceil(MOST_ASIDE / #priorities))
      if left then return nil end
      if name then
        if not best or rank > best_priority or score < best_score then
          best, best_account, best_priority, best_score = name, a, rank, score
        end
        break
      end
    end
  end
  return best, best_account
end

-- Who was called takes what was kept for him, if that is still for him; who looks around would walk over all that is kept
-- for others.
local best, best_account = given_up, given_up and read(given_up)
if not is_ready(best_account) or not is_free(best, best_account)
  or not serves(best_account, routes) or not suits(best, best_account, wish) then
  best, best_account = choose()
end

if best then
  local a = best_account
  take_turn(a, routes)
  a.in_flight = a.in_flight + 1
  local lease = ARGV[5] .. ':' .. best
  redis.call('ZADD', key('leases'), int(NOW + tonumber(ARGV[6])), lease)
  if a.strikes > 0 and a.probe ~= ANSWERED then
    a.probe = lease
    redis.call('HSET', key('account', best), 'probe', lease)
  end
  if a.rate > 0 then note_recent(best, a) end
  if has_waited then forget_ticket(ticket) end
  local place = place_of(a)
  -- One with an owner stands alone, and would be met at once; whoever waits is served by those who are free; and of many
  -- somebody would have to take out all.
  if place == 'full' and a.owner == '' and not waits and redis.call('ZCARD', key('leases')) <= LEFT_FULL then
    place = 'ready'
  end
  settle(best, a, place)
  if given_up ~= best then offer_again(given_up) end
  return {'leased', best, a.spec, a.access, a.version, int(NOW), a.probe == lease and a.strikes > 0 and '1' or '0'}
end

if left or is_behind then
  offer_again(given_up)
  return {'left'}
end

-- Nobody: say why, and take a place in the queue if somebody can be had in time.

-- Whether somebody who cannot serve now cannot serve this request at all. Behind a line that is known to be in the way no
-- more is asked.
local function never_serves(name)
  if cut_off and tripped_line(name) then return true end
  if excluded[name] or refuses_until(name, model) then
    skipped = true
    return true
  end
  return not cut_off and tripped_line(name) ~= nil
end

-- The score of the first who stands there and can serve the request; nil where there is nobody. Where none of many can,
-- one of the others may: whoever waits for nothing is told so later than who is sent away for nothing.
local function first_in(place)
  local first
  for _, route in ipairs(routes) do
    local last
    local seen = walk(place_key(route, place), 0, math.huge, MOST_ELSEWHERE, function(name, score)
      last = score
      return not never_serves(name) and STOP
    end)
    if seen then first = math.min(first or last, last) end
  end
  return first
end

-- When the first of those without a token may have one; nil when that may be at once, or when they are too many to look.
local function first_token()
  local first
  for _, route in ipairs(routes) do
    local seen = walk(place_key(route, 'pending'), 0, math.huge, 64, function(name)
      if never_serves(name) then return end
      local due = tonumber(redis.call('ZSCORE', key('refresh'), name) or '0')
      if due <= NOW then return STOP end
      first = math.min(first or due, due)
    end)
    if seen then return nil end
  end
  return first
end

local function refusal()
  if kept or first_in('full') then return {'busy'} end
  local pending, cooling = first_in('pending'), first_in('cooling')
  if cooling and pending then return {'cooling'} end
  if cooling then return {'cooling', int(cooling - NOW)} end
  if pending then
    local at = first_token()
    return {'pending', at and int(at - NOW)}
  end
  if skipped then return {'tried'} end
  return {'none'}
end

local answer = refusal()
local why, wait = answer[1], tonumber(answer[2] or '0')
local can_help = (why == 'busy' or why == 'cooling' or why == 'pending') and patience > 0 and wait <= patience
if ticket ~= '' and can_help then queue_up(ticket, routes, wish, patience) elseif has_waited then forget_ticket(ticket) end
offer_again(given_up)
if cut_off and not can_help then return {'tripped'} end
return answer

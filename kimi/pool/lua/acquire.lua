-- Chooses an account and leases it, in one step: the highest priority, and there the one whose turn it is.
-- ARGV: now, routes (JSON), model, names not to take (JSON), lease id, lease milliseconds, lines not to use (JSON),
--       ticket ('' for none), milliseconds that the caller would wait, name of the only account that will do ('': any)
-- Returns {'leased', name, spec, access token, version, now, strikes}; or {'left'} where so many were in the way, or had
-- something happen to them, that others are left to look at: it is to be asked again at once; or {why not}. Behind
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
-- set aside: before all others of their priority, by the end of what they refuse, or by when they were last met, with
-- scores below nought. There a few are looked at first, other ones each time, and all others only where nobody else is
-- left.
local ASIDE = -1e15 -- added to that time
local FEW, MANY = 8, 400 -- of them
local IN_THE_WAY = 200 -- so many are set aside or taken out in one call, and one that is taken out costs as much as 16
local MOST_KEPT = 32 -- so many are looked at to find one that is kept for nobody else
local MOST_ELSEWHERE = 256 -- so many are looked at to find one that cannot serve now

local function is_cut_off(name)
  if not any_tripped or not tripped[redis.call('HGET', key('account', name), 'line')] then return false end
  cut_off = true
  return true
end

-- Up to `size` of those who stand there, from number `from` on, with their scores; the only one who will do, if there is
-- one and he is there, without a look at the others.
local function standing(there, from, size)
  if only == '' then return redis.call('ZRANGE', there, from, from + size - 1, 'WITHSCORES') end
  local score = from == 0 and redis.call('ZSCORE', there, only)
  return score and {only, score} or {}
end

-- Walks over those of a place in their order, from number `from` up to `to`, until `visit`, which is given name and
-- score, answers STOP. It answers GONE when it has taken the account out of the place.
-- Returns the number at which it has stopped, or nil where nobody stands from there on.
local STOP, GONE = 1, 2
local function walk(there, from, to, visit)
  local size = 1 -- the first will do as a rule
  while from < to do
    local page = standing(there, from, math.min(size, to - from))
    if #page == 0 then return nil end
    for i = 1, #page, 2 do
      local seen = visit(page[i], tonumber(page[i + 1]))
      if seen == STOP then return from end
      if seen ~= GONE then from = from + 1 end
    end
    size = math.min(size * 4, 256)
  end
  return from
end

-- Whether the account has a place that is not kept for somebody who was called.
local function is_free(name, a)
  return a.in_flight + (waits and kept_places(name) or 0) < limit_of(a)
end

local function is_ready(a)
  return a and a.place == 'ready' and a.expires > NOW
end

local function candidate(route, priority)
  local ready = place_key(route, 'ready', priority)
  local name, account, turn
  local in_the_way, taken = 0, 0

  local are_first = true -- those who are looked at first go behind the others for it
  local function set_aside(each, score, time)
    if only ~= '' or score == ASIDE + time or (score < 0 and not are_first) then return end
    redis.call('ZADD', ready, int(ASIDE + time), each)
    if score >= 0 then in_the_way = in_the_way + 1 end
  end

  local function look(each, score)
    local time = refuses_until(each, model)
    if time or excluded[each] then
      skipped = true
      if time then set_aside(each, score, time) end
    elseif is_cut_off(each) then
      set_aside(each, score, NOW)
    else
      local a = read(each)
      if not is_ready(a) then
        redis.call('ZREM', ready, each) -- also of an account that Redis has lost, or it would be met here for ever
        settle(each, a)
        in_the_way = in_the_way + 16
        left = in_the_way > IN_THE_WAY
        return left and STOP or GONE
      elseif is_free(each, a) then
        name, account, turn = each, a, score
        return STOP
      end
      kept, taken = true, taken + 1
    end
    left = in_the_way > IN_THE_WAY
    if left or taken > MOST_KEPT then return STOP end
  end

  local seen = walk(ready, 0, FEW, look)
  if seen == FEW then
    are_first = false
    local others = math.max(FEW, redis.call('ZCOUNT', ready, '-inf', '(0'))
    if not walk(ready, others, math.huge, look) then
      local from = others > MANY and NOW % (others - MANY + 1) or 0
      walk(ready, from, from + MANY, look)
    end
  end
  if not name and redis.call('EXISTS', ready) == 0 then
    redis.call('ZREM', key('route', route, 'priorities'), priority) -- until somebody is ready there again
  end
  return name, account, turn
end

local function choose()
  local best, best_account, best_priority, best_score
  for _, route in ipairs(routes) do
    for _, priority in ipairs(redis.call('ZREVRANGE', key('route', route, 'priorities'), 0, -1)) do
      local rank = tonumber(priority)
      if best and rank < best_priority then break end
      local name, a, score = candidate(route, priority)
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
  if a.strikes > 0 then
    a.probe = lease
    redis.call('HSET', key('account', best), 'probe', lease)
  end
  if a.rate > 0 then note_recent(best, a) end
  if has_waited then forget_ticket(ticket) end
  settle(best, a)
  if given_up ~= best then offer_again(given_up) end
  return {'leased', best, a.spec, a.access, a.version, int(NOW), int(a.strikes)}
end

if left or is_behind then
  offer_again(given_up)
  return {'left'}
end

-- Nobody: say why, and take a place in the queue if somebody can be had in time.

-- Whether somebody who cannot serve now cannot serve this request at all.
local function never_serves(name)
  if excluded[name] or refuses_until(name, model) then
    skipped = true
    return true
  end
  return is_cut_off(name)
end

-- The score of the first who stands there and can serve the request; nil where there is nobody. Where none of many can,
-- one of the others may: whoever waits for nothing is told so later than who is sent away for nothing.
local function first_in(place)
  local first
  for _, route in ipairs(routes) do
    local last
    local seen = walk(place_key(route, place), 0, MOST_ELSEWHERE, function(name, score)
      last = score
      return not never_serves(name) and STOP
    end)
    if seen then first = math.min(first or last, last) end
  end
  return first
end

local busy, pending, cooling = first_in('full'), first_in('pending'), first_in('cooling')

-- When the first of those without a token may have one; nil when that may be at once, or when they are too many to look.
local function first_token()
  local first
  for _, route in ipairs(routes) do
    local seen = walk(place_key(route, 'pending'), 0, 64, function(name)
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
  if busy or kept then return {'busy'} end
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

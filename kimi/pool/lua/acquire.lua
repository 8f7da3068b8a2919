-- Chooses an account and leases it, in one step: the highest priority, and there the one whose turn it is.
-- ARGV: now, routes (JSON), model, names not to take (JSON), lease id, lease milliseconds, lines not to use (JSON),
--       ticket ('' for none), milliseconds that the caller would wait, name of the only account that will do ('': any)
-- Returns {'leased', name, spec, access token, version, now}, or {why not}. Behind 'cooling' and 'pending' stand the
-- milliseconds until the first can be had, unless somebody may be free sooner. Where waiting can help within the time
-- that the caller has, its ticket is in the queue afterwards.

local routes, model = cjson.decode(ARGV[2]), ARGV[3]
local only = ARGV[10]
local wish = {model, cjson.decode(ARGV[4]), cjson.decode(ARGV[7]), only}
local excluded, tripped = {}, {}
for _, name in ipairs(wish[2]) do excluded[name] = true end
for _, line in ipairs(wish[3]) do tripped[line] = true end
local any_tripped = next(tripped) ~= nil
local ticket, patience = ARGV[8], tonumber(ARGV[9])

catch_up(routes)
if only ~= '' then
  local a = read(only)
  -- It may stand behind all whom there was time to look at.
  if a and a.place == 'cooling' and math.max(a.cool_until, a.rate_until) <= NOW then settle(only, a) end
end
local given_up = ticket ~= '' and give_up_place(ticket) or nil -- a place that was kept for it
local waits = someone_waits()

local skipped = false -- somebody is there, but not for this request
local cut_off = false -- somebody could serve it, but not be reached
local kept = false -- somebody was ready, but whoever was called goes before
local MOST_CUT_OFF = 256 -- so many are looked at to find one that can be reached

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

-- Walks over those of a place that can serve the request, in their order, until `visit`, which is given name and score,
-- answers STOP. It answers GONE when it has taken the account out of the place.
local STOP, GONE = 1, 2
local function walk(there, visit)
  local from, size, unreachable = 0, 8, 0
  while true do
    local page = standing(there, from, size)
    if #page == 0 then return end
    for i = 1, #page, 2 do
      local name, seen = page[i], nil
      from = from + 1
      if excluded[name] or refuses(name, model) then
        skipped = true
      elseif is_cut_off(name) then
        unreachable = unreachable + 1
        if unreachable > MOST_CUT_OFF then return end
      else
        seen = visit(name, tonumber(page[i + 1]))
      end
      if seen == STOP then return end
      if seen == GONE then from = from - 1 end
    end
    size = math.min(size * 4, 512)
  end
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
  walk(ready, function(each, score)
    local a = read(each)
    if not is_ready(a) then
      redis.call('ZREM', ready, each) -- also of an account that Redis has lost, or it would be met here for ever
      settle(each, a)
      return GONE
    elseif is_free(each, a) then
      name, account, turn = each, a, score
      return STOP
    end
    kept = true
  end)
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

-- Who was called takes what was kept for him; who looks around would walk over all that is kept for others.
local best, best_account = given_up, given_up and read(given_up)
if not is_ready(best_account) or not is_free(best, best_account) or not suits(best, best_account, wish) then
  best, best_account = choose()
end

if best then
  local a = best_account
  local turn = math.max(a.turn, virtual_time(routes, a.priority))
  for _, route in ipairs(routes) do redis.call('HSET', key('route', route, 'turns'), a.priority, int(turn)) end
  a.turn = turn + math.max(1, math.floor(STRIDE / a.weight))
  a.in_flight = a.in_flight + 1
  redis.call('ZADD', key('leases'), int(NOW + tonumber(ARGV[6])), ARGV[5] .. ':' .. best)
  if a.rate > 0 then
    local recent = key('recent', best)
    redis.call('LPUSH', recent, int(NOW))
    redis.call('LTRIM', recent, 0, a.rate - 1)
    redis.call('PEXPIRE', recent, 60000)
    if redis.call('LLEN', recent) >= a.rate then
      a.rate_until = tonumber(redis.call('LINDEX', recent, -1)) + 60000
      redis.call('HSET', key('account', best), 'rate_until', int(a.rate_until))
    end
  end
  if ticket ~= '' then forget_ticket(ticket) end
  settle(best, a)
  if given_up ~= best then offer_again(given_up) end
  return {'leased', best, a.spec, a.access, a.version, int(NOW)}
end

-- Nobody: say why, and take a place in the queue if somebody can be had in time.

-- The score of the first who stands there and can serve the request; nil where there is nobody.
local function first_in(place)
  local first
  for _, route in ipairs(routes) do
    walk(place_key(route, place), function(_, score)
      first = math.min(first or score, score)
      return STOP
    end)
  end
  return first
end

local busy, pending, cooling = first_in('full'), first_in('pending'), first_in('cooling')

-- When the first of those without a token may have one; nil when that may be at once, or when they are too many to look.
local function first_token()
  local left, first = 64, nil
  for _, route in ipairs(routes) do
    walk(place_key(route, 'pending'), function(name)
      local due = tonumber(redis.call('ZSCORE', key('refresh'), name) or '0')
      left = left - 1
      if due <= NOW or left < 0 then
        first = 0
        return STOP
      end
      first = math.min(first or due, due)
    end)
  end
  return first ~= 0 and first or nil
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

local function queue_up()
  local entry = key('ticket', ticket)
  local number = redis.call('HGET', entry, 'number') or redis.call('INCR', key('tickets'))
  -- One that was called in vain is not called again at once.
  redis.call('HSETNX', entry, 'again', '0')
  redis.call('HSET', entry, 'number', number, 'routes', ARGV[2], 'wish', cjson.encode(wish), 'only', only)
  redis.call('PEXPIRE', entry, int(patience + AGAIN))
  for _, route in ipairs(routes) do
    local queue = key('route', route, 'queue')
    redis.call('ZADD', queue, number, ticket)
    -- Nobody looks for the tickets of dead workers in queues that belong to one client.
    if redis.call('PTTL', queue) < patience + AGAIN then redis.call('PEXPIRE', queue, int(patience + AGAIN)) end
  end
  if redis.call('PTTL', key('waiting')) < patience + AGAIN then
    redis.call('SET', key('waiting'), '1', 'PX', int(patience + AGAIN))
  end
end

local answer = refusal()
local why, wait = answer[1], tonumber(answer[2] or '0')
local can_help = (why == 'busy' or why == 'cooling' or why == 'pending') and patience > 0 and wait <= patience
if ticket ~= '' then
  if can_help then queue_up() else forget_ticket(ticket) end
  offer_again(given_up)
end
if cut_off and not can_help then return {'tripped'} end
return answer

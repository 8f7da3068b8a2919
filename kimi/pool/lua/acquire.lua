-- Chooses an account and leases it, in one step: priority, then the least loaded, then the one whose turn it is.
-- ARGV: now, routes (JSON), model, names not to take (JSON), lease id, lease milliseconds, lines not to use (JSON),
--       ticket ('' for none), milliseconds that the caller would wait
-- Returns {'leased', name, spec, access token, version, now}, or {why not}. Behind 'cooling' and 'pending' stand the
-- milliseconds until the first can be had, unless somebody may be free sooner. Where waiting can help within the time
-- that the caller has, its ticket is in the queue afterwards.

local routes, model = cjson.decode(ARGV[2]), ARGV[3]
local excluded, excluded_names, tripped = {}, cjson.decode(ARGV[4]), {}
for _, name in ipairs(excluded_names) do excluded[name] = true end
for _, line in ipairs(cjson.decode(ARGV[7])) do tripped[line] = true end
local any_tripped = next(tripped) ~= nil
local ticket, patience = ARGV[8], tonumber(ARGV[9])

catch_up(routes)
call_waiting(routes)
if ticket ~= '' then
  for _, route in ipairs(routes) do redis.call('ZREM', key('route', route, 'called'), ticket) end
end

local skipped = false -- somebody was ready, but not for this request
local cut_off = false -- somebody was ready, but not to be reached
local MOST_CUT_OFF = 256 -- so many are looked at to find one that can be reached

local function refuses(name)
  return tonumber(redis.call('ZSCORE', key('refused', name), model) or '0') > NOW
end

local function candidate(route, priority)
  local ready = place_key(route, 'ready', priority)
  local passed, size = 0, 8
  while true do
    local page = redis.call('ZRANGE', ready, passed, passed + size - 1, 'WITHSCORES')
    if #page == 0 then break end
    for i = 1, #page, 2 do
      local name = page[i]
      if any_tripped and tripped[redis.call('HGET', key('account', name), 'line')] then
        cut_off = true
        passed = passed + 1
        if passed > MOST_CUT_OFF then return end
      elseif excluded[name] or refuses(name) then
        passed = passed + 1
      else
        local a = read(name)
        if a and a.place == 'ready' and a.expires > NOW then return name, a, tonumber(page[i + 1]) end
        redis.call('ZREM', ready, name) -- also of an account that Redis has lost, or it would be met here for ever
        settle(name, a)
      end
    end
    size = math.min(size * 4, 512)
  end
  if passed > 0 then
    skipped = true
  else
    redis.call('ZREM', key('route', route, 'priorities'), priority) -- until somebody is ready there again
  end
end

local best, best_account, best_priority, best_score, best_route
for _, route in ipairs(routes) do
  for _, priority in ipairs(redis.call('ZREVRANGE', key('route', route, 'priorities'), 0, -1)) do
    local rank = tonumber(priority)
    if best and rank < best_priority then break end
    local name, a, score = candidate(route, priority)
    if name then
      if not best or rank > best_priority or score < best_score then
        best, best_account, best_priority, best_score, best_route = name, a, rank, score, route
      end
      break
    end
  end
end

-- Whoever was called goes before.
local kept = best and someone_waits() and open_places(best_route) <= kept_places(best_route)

if best and not kept then
  local a = best_account
  local turn = math.max(a.turn, virtual_time(routes, a.priority))
  for _, route in ipairs(routes) do redis.call('HSET', key('turns'), route .. ':' .. a.priority, int(turn)) end
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
  settle(best, a)
  if ticket ~= '' then
    forget_ticket(ticket)
    call_waiting(routes)
  end
  return {'leased', best, a.spec, a.access, a.version, int(NOW)}
end

-- Nobody: say why, and take a place in the queue if somebody can be had in time.
local function others(route, place)
  local there = place_key(route, place)
  local count = redis.call('ZCARD', there)
  for _, name in ipairs(excluded_names) do
    if redis.call('ZSCORE', there, name) then count = count - 1 end
  end
  return count
end

local busy, cooling, pending, earliest = 0, 0, 0, nil
for _, route in ipairs(routes) do
  busy = busy + others(route, 'full')
  pending = pending + others(route, 'pending')
  local resting = others(route, 'cooling')
  cooling = cooling + resting
  if resting > 0 then
    local first = redis.call('ZRANGE', place_key(route, 'cooling'), 0, 0, 'WITHSCORES')
    earliest = math.min(earliest or math.huge, tonumber(first[2]))
  end
end

-- When the first of those without a token may have one; nil when that may be at once, or when they are too many to look.
local function first_token()
  local most, first = 64, nil
  for _, route in ipairs(routes) do
    local names = redis.call('ZRANGE', place_key(route, 'pending'), 0, most)
    if #names > most then return nil end
    for _, name in ipairs(names) do
      local due = tonumber(redis.call('ZSCORE', key('refresh'), name) or '0')
      if not excluded[name] then
        if due <= NOW then return nil end
        first = math.min(first or due, due)
      end
    end
  end
  return first
end

local function refusal()
  if cut_off then return {'tripped'} end
  if busy > 0 or kept then return {'busy'} end
  if cooling > 0 and pending > 0 then return {'cooling'} end
  if cooling > 0 then return {'cooling', int(earliest - NOW)} end
  if pending > 0 then
    local at = first_token()
    return {'pending', at and int(at - NOW)}
  end
  if skipped then return {'tried'} end
  return {'none'}
end

local function queue_up()
  local entry = key('ticket', ticket)
  local number = redis.call('HGET', entry, 'number') or redis.call('INCR', key('tickets'))
  -- One that was called in vain, because what is free is not for it, is not called again at once.
  redis.call('HSETNX', entry, 'again', '0')
  redis.call('HSET', entry, 'number', number, 'routes', ARGV[2])
  redis.call('PEXPIRE', entry, int(patience + AGAIN))
  for _, route in ipairs(routes) do redis.call('ZADD', key('route', route, 'queue'), number, ticket) end
  if redis.call('PTTL', key('waiting')) < patience + AGAIN then
    redis.call('SET', key('waiting'), '1', 'PX', int(patience + AGAIN))
  end
end

local answer = refusal()
local why, wait = answer[1], tonumber(answer[2] or '0')
if ticket ~= '' then
  if (why == 'busy' or why == 'cooling' or why == 'pending') and patience > 0 and wait <= patience then
    queue_up()
  else
    forget_ticket(ticket)
  end
  call_waiting(routes) -- the place that was kept for it is somebody else's
end
return answer

-- Chooses an account and leases it, in one step: priority, then the least loaded, then the one whose turn it is.
-- ARGV: now, routes (JSON), model, names not to take (JSON), lease id, lease milliseconds
-- Returns {'leased', name, spec, access token, version}, or {why not}. Behind 'cooling' and 'pending' stand the
-- milliseconds until the first can be had, unless somebody may be free sooner.

local routes, model = cjson.decode(ARGV[2]), ARGV[3]
local excluded, excluded_names = {}, cjson.decode(ARGV[4])
for _, name in ipairs(excluded_names) do excluded[name] = true end

catch_up(routes)

local skipped = false -- somebody was ready, but not for this request

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
      if excluded[name] or refuses(name) then
        passed = passed + 1
      else
        local a = read(name)
        if a.expires > NOW then return name, a, tonumber(page[i + 1]) end
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

if best then
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
  return {'leased', best, a.spec, a.access, a.version}
end

-- Nobody: say why, and make whoever is given back next announce it.
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

if busy + cooling + pending > 0 then redis.call('SET', key('waiting'), '1', 'PX', 20000) end
if busy > 0 then return {'busy'} end
if cooling > 0 and pending > 0 then return {'cooling'} end
if cooling > 0 then return {'cooling', int(earliest - NOW)} end
if pending > 0 then
  local at = first_token()
  return {'pending', at and int(at - NOW)}
end
if skipped then return {'tried'} end
return {'none'}

-- Shared by every script of the pool; `store.py` puts this text in front of each of them.
-- KEYS[1] is the prefix of all keys (one hash tag, so that a cluster keeps them together).
-- ARGV[1] is the time in milliseconds, or 0 for the server's own clock: one clock for all replicas.

local PREFIX = KEYS[1]
local NOW = tonumber(ARGV[1])
if NOW == 0 then
  local time = redis.call('TIME')
  NOW = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- A score is the load, and below it the turn: virtual time, of which a lease takes STRIDE / weight.
-- Doubles are exact to 53 bits, which five billion leases use up; from then on neighbouring turns begin to look equal.
local LOAD = 2 ^ 46
local STRIDE = 1000000

-- A time that is past by every clock: the refresher's may be behind this one.
local AT_ONCE = '0'
-- How long the credential of an account that was taken out is kept for another name: as long as refresh tokens live.
local KEEP = 90 * 86400000
-- A place that has become free is kept for the ticket that was called to it for GRACE milliseconds; a ticket that
-- did not come is called again after AGAIN.
local GRACE, AGAIN = 250, 1000

local function key(...)
  return PREFIX .. table.concat({...}, ':')
end

-- Lua's own number format keeps 14 digits only, and writes large numbers as 1e+15.
local function int(number)
  return string.format('%.0f', number)
end

local function read(name)
  local fields = {
    'present', 'state', 'access', 'expires', 'rejected', 'cool_until', 'rate_until', 'in_flight',
    'limit', 'weight', 'priority', 'turn', 'place', 'placed_priority', 'routes', 'version', 'rate', 'spec',
    'fingerprint', 'refresh', 'models', 'line', 'strikes', 'struck', 'strike_kind',
  }
  local values = redis.call('HMGET', key('account', name), unpack(fields))
  if not values[1] then return nil end
  local a = {}
  for i, field in ipairs(fields) do a[field] = values[i] or '' end
  for _, field in ipairs({
    'expires', 'cool_until', 'rate_until', 'in_flight', 'limit', 'weight', 'turn', 'rate', 'strikes', 'struck',
  }) do
    a[field] = tonumber(a[field]) or 0
  end
  a.routes = cjson.decode(a.routes)
  return a
end

-- Notes that an account is no longer what it was, for those who keep a copy.
local function changed(name)
  redis.call('ZADD', key('changed'), redis.call('INCR', key('changes')), name)
end

-- After a failure an account is half open: one request tries it, and the others come once that one was served.
local function limit_of(a)
  return a.strikes > 0 and 1 or a.limit
end

-- The furthest turn that was taken in one priority of these routes: who comes late starts there, and not at nought.
-- Every queue has a time of its own, or busy routes would carry the idle ones along and level their weights.
local function virtual_time(routes, priority)
  local latest = 0
  for _, route in ipairs(routes) do
    latest = math.max(latest, tonumber(redis.call('HGET', key('turns'), route .. ':' .. priority) or '0'))
  end
  return latest
end

-- Where accounts of a route stand that are in that place; those that are ready stand apart by priority.
local function place_key(route, place, priority)
  if place == 'ready' then return key('route', route, place, priority) end
  return key('route', route, place)
end

local function leave(name, a)
  if a.place == '' then return end
  for _, route in ipairs(a.routes) do redis.call('ZREM', place_key(route, a.place, a.placed_priority), name) end
end

local function in_service(a)
  return a.present == '1' and (a.state == 'active' or a.state == 'new')
end

local function has_good_token(a)
  return a.access ~= '' and a.rejected ~= '1' and a.expires > NOW
end

-- When an account is refreshed next. One that is out of service never is: it would be found due for ever.
local function schedule(name, a, due)
  if in_service(a) then
    redis.call('ZADD', key('refresh'), due, name)
  else
    redis.call('ZREM', key('refresh'), name)
  end
end

-- The queue of those who wait. A ticket stands in the queue of every route that it could be served by, by the number
-- that it was given once. Whoever is called keeps a place free for a moment, so that nobody who has just come overtakes.

-- How many more leases the accounts of a route that are ready can surely bear; only the first few are asked for more
-- than one each, because there are few while anybody waits.
local function open_places(route)
  local places = 0
  for _, priority in ipairs(redis.call('ZRANGE', key('route', route, 'priorities'), 0, -1)) do
    local ready = place_key(route, 'ready', priority)
    places = places + redis.call('ZCARD', ready)
    for _, name in ipairs(redis.call('ZRANGE', ready, 0, 7)) do
      local load = redis.call('HMGET', key('account', name), 'in_flight', 'limit', 'strikes')
      local limit = (tonumber(load[3]) or 0) > 0 and 1 or tonumber(load[2]) or 0
      places = places + limit - (tonumber(load[1]) or 0) - 1
    end
  end
  return places
end

-- How many places of a route are kept for tickets that were called just now.
local function kept_places(route)
  local called = key('route', route, 'called')
  redis.call('ZREMRANGEBYSCORE', called, '-inf', int(NOW - GRACE))
  return redis.call('ZCARD', called)
end

local function someone_waits()
  return redis.call('EXISTS', key('waiting')) == 1
end

local function routes_of_ticket(ticket)
  local routes = redis.call('HGET', key('ticket', ticket), 'routes')
  return routes and cjson.decode(routes)
end

local function call(ticket, routes)
  for _, route in ipairs(routes) do redis.call('ZADD', key('route', route, 'called'), int(NOW), ticket) end
  redis.call('HSET', key('ticket', ticket), 'again', int(NOW + AGAIN))
  redis.call('PUBLISH', key('freed', string.match(ticket, '^[^.]*')), ticket)
end

-- Calls as many as there are places, first come, first served.
local function call_waiting(routes)
  if not someone_waits() then return end
  for _, route in ipairs(routes) do
    local more, from = open_places(route) - kept_places(route), 0
    while more > 0 and from < 1024 do
      local page = redis.call('ZRANGE', key('route', route, 'queue'), from, from + 31)
      if #page == 0 then break end
      for _, ticket in ipairs(page) do
        local known = redis.call('HMGET', key('ticket', ticket), 'again', 'routes')
        if not known[1] then
          redis.call('ZREM', key('route', route, 'queue'), ticket) -- its holder is gone
        else
          from = from + 1
          if more > 0 and tonumber(known[1]) <= NOW then
            call(ticket, cjson.decode(known[2]))
            more = more - 1
          end
        end
      end
    end
  end
end

local function forget_ticket(ticket)
  for _, route in ipairs(routes_of_ticket(ticket) or {}) do
    redis.call('ZREM', key('route', route, 'queue'), ticket)
    redis.call('ZREM', key('route', route, 'called'), ticket)
  end
  redis.call('DEL', key('ticket', ticket))
end

-- Puts an account where its state says it belongs, in every route it serves:
--   pending   in service, but without an access token that is good now
--   cooling   not before a certain time
--   full      as many leases as it may have
--   ready     the next lease may take it; ordered by load, then by turn (fair queueing by weight)
-- or nowhere, when it is dead, banned, paused or no longer configured.
local function settle(name, a)
  a = a or read(name)
  if not a then return end
  leave(name, a)
  local place = ''
  local serves = in_service(a)
  local token_good = has_good_token(a)
  local until_time = math.max(a.cool_until, a.rate_until)
  if serves and not token_good then place = 'pending'
  elseif serves and until_time > NOW then place = 'cooling'
  elseif serves and a.in_flight >= limit_of(a) then place = 'full'
  elseif serves then place = 'ready'
  end
  if serves and token_good then
    redis.call('ZADD', key('usable'), int(a.expires), name)
  else
    redis.call('ZREM', key('usable'), name)
  end
  local score = 0
  if place == 'cooling' then
    score = until_time
  elseif place == 'ready' then
    a.turn = math.max(a.turn, virtual_time(a.routes, a.priority))
    score = math.floor(63 * a.in_flight / limit_of(a)) * LOAD + a.turn
  end
  for _, route in ipairs(place ~= '' and a.routes or {}) do
    redis.call('ZADD', place_key(route, place, a.priority), int(score), name)
    if place == 'ready' then redis.call('ZADD', key('route', route, 'priorities'), a.priority, a.priority) end
  end
  redis.call('HSET', key('account', name),
    'place', place, 'placed_priority', a.priority, 'turn', int(a.turn), 'in_flight', int(a.in_flight))
  a.place = place
  a.placed_priority = a.priority
  if place == 'ready' then call_waiting(a.routes) end
end

local function routes_of(a)
  local spec = cjson.decode(a.spec)
  if spec.kind ~= 'moonshot' then return {spec.kind} end
  local routes = {}
  -- What the operator names goes before what the key was found to list.
  for i, model in ipairs(#spec.models > 0 and spec.models or cjson.decode(a.models)) do
    routes[i] = 'moonshot:' .. model
  end
  return routes
end

-- Enters the account with every route it serves, whatever its state, so that a model stays known while nobody can
-- serve it. To be followed by `settle`.
local function set_routes(name, a)
  leave(name, a)
  a.place = ''
  for _, route in ipairs(a.routes) do
    redis.call('SREM', key('route', route, 'members'), name)
    if redis.call('EXISTS', key('route', route, 'members')) == 0 then redis.call('SREM', key('routes'), route) end
  end
  a.routes = routes_of(a)
  redis.call('HSET', key('account', name), 'routes', cjson.encode(a.routes))
  if a.present ~= '1' then return end
  for _, route in ipairs(a.routes) do
    redis.call('SADD', key('route', route, 'members'), name)
    redis.call('SADD', key('routes'), route)
  end
end

local function account_of(lease)
  return string.sub(lease, string.find(lease, ':', 1, true) + 1)
end

local function give_back(lease)
  if redis.call('ZREM', key('leases'), lease) == 0 then return nil end
  local name = account_of(lease)
  local a = read(name)
  if not a then return nil end
  a.in_flight = math.max(0, a.in_flight - 1)
  return name, a
end

-- What time alone has changed since the last call. Bounded, so that no caller pays for all of it.
local function catch_up(routes)
  for _, lease in ipairs(redis.call('ZRANGEBYSCORE', key('leases'), '-inf', int(NOW), 'LIMIT', 0, 50)) do
    local name, a = give_back(lease)
    if name then settle(name, a) end
  end
  for _, route in ipairs(routes) do
    local cooling = place_key(route, 'cooling')
    for _, name in ipairs(redis.call('ZRANGEBYSCORE', cooling, '-inf', int(NOW), 'LIMIT', 0, 50)) do
      redis.call('ZREM', cooling, name) -- also of an account that Redis has lost, which leaves nothing else behind
      settle(name)
    end
  end
end

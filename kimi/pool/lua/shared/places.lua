-- Who is ready stands by his turn: virtual time, of which a lease takes STRIDE / weight. Shares go by weight so, however
-- many requests run at once. Doubles are exact to 53 bits, which billions of leases do not use up.
local STRIDE = 1000000

-- Where accounts of a route stand that are in that place; those that are ready stand apart by priority.
local function place_key(route, place, priority)
  if place == 'ready' then return key('route', route, place, priority) end
  return key('route', route, place)
end

-- The furthest turn that was taken in one priority of these routes: who comes late starts there, and not at nought.
-- Every queue has a time of its own, or busy routes would carry the idle ones along and level their weights.
local function virtual_time(routes, priority)
  local latest = 0
  for _, route in ipairs(routes) do
    latest = math.max(latest, tonumber(redis.call('HGET', key('route', route, 'turns'), priority) or '0'))
  end
  return latest
end

local function leave(name, a)
  if a.place == '' then return end
  for _, route in ipairs(a.routes) do redis.call('ZREM', place_key(route, a.place, a.placed_priority), name) end
end

-- The place where an account belongs:
--   pending   in service, but without an access token that is good now
--   cooling   not before a certain time
--   full      as many leases as it may have
--   ready     the next lease may take it; ordered by turn (fair queueing by weight)
-- or none, when it is dead, banned, paused or no longer configured.
local function place_of(a)
  if not in_service(a) then return '' end
  if not has_good_token(a) then return 'pending' end
  if math.max(a.cool_until, a.rate_until) > NOW then return 'cooling' end
  if a.in_flight >= limit_of(a) then return 'full' end
  return 'ready'
end

-- Where those that have just come to a place are entered besides.
local function enter(name, a)
  if (a.place == '' or a.place == 'pending') or a.owner ~= '' then
    redis.call('ZREM', key('usable'), name)
  else
    redis.call('ZADD', key('usable'), int(a.expires), name)
  end
  if a.place ~= 'ready' then return end
  for _, route in ipairs(a.routes) do redis.call('ZADD', key('route', route, 'priorities'), a.priority, a.priority) end
end

-- Puts an account where its state says it belongs, in every route it serves. One that stays where it was costs little:
-- whatever writes another expiry, owner or list of routes takes it out of its place before, as `set_routes` does.
local function settle(name, a)
  a = a or read(name)
  if not a then return end
  local place, score = place_of(a), 0
  local stays = place == a.place and a.priority == a.placed_priority
  if not stays then leave(name, a) end
  if place == 'cooling' then score = math.max(a.cool_until, a.rate_until)
  elseif place == 'ready' then score = a.turn
  end
  for _, route in ipairs(place ~= '' and a.routes or {}) do
    redis.call('ZADD', place_key(route, place, a.priority), int(score), name)
  end
  redis.call('HSET', key('account', name),
    'place', place, 'placed_priority', a.priority, 'turn', int(a.turn), 'in_flight', int(a.in_flight))
  a.place, a.placed_priority = place, a.priority
  if not stays then enter(name, a) end
  if place == 'ready' then offer(name, a) end
end

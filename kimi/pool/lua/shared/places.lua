-- Who is ready stands by his turn: virtual time, of which a lease takes STRIDE / weight. Shares go by weight so, however
-- many requests run at once. Doubles are exact to 53 bits: for nine billion leases of an account of weight 1, or nine
-- million of one of the least weight, 0.001. Beyond, for a thousand times as many, turns are rounded to far less than those.
local STRIDE = 1000000

-- Where accounts of a route stand that are in that place; those that are ready stand apart by priority.
local function place_key(route, place, priority)
  if place == 'ready' then return key('route', route, place, priority) end
  return key('route', route, place)
end

-- Before them, with scores below nought, stand those that requests have set aside (see `acquire`): to these numbers that of
-- a line is added, or the time when a refusal ends.
local LINES, REFUSING = -2e15, -1e15

-- Takes the turn of an account that is leased along these routes. The time of a route is the furthest turn that was taken
-- there in one priority: who comes late starts there, and not at nought. Every queue has a time of its own, or busy routes
-- would carry the idle ones along and level their weights. In one where it does not stand it has passed nobody.
local function take_turn(a, routes)
  local turn, times = a.turn, {}
  for _, route in ipairs(routes) do
    times[route] = tonumber(redis.call('HGET', key('route', route, 'turns'), a.priority) or '-1') -- before any turn
    turn = math.max(turn, times[route])
  end
  for _, route in ipairs(a.routes) do
    if times[route] and times[route] < turn then
      redis.call('HSET', key('route', route, 'turns'), a.priority, int(turn))
    end
  end
  a.turn = turn + math.max(1, math.floor(STRIDE / a.weight))
end

local function leave(name, a)
  if a.place == '' then return end
  for _, route in ipairs(a.routes) do redis.call('ZREM', place_key(route, a.place, a.placed_priority), name) end
end

-- The place where an account belongs:
--   pending   in service, but without an access token that is good now
--   cooling   not before a certain time
--   full      as many leases as it may have
--   ready     the next lease may take it; ordered by turn (fair queueing by weight). One that a lease has filled may
--             stay until somebody meets it full: of many it is free again by then, and was not moved to and fro
-- or none, when it is dead, banned, paused or no longer configured.
local function place_of(a)
  if not in_service(a) then return '' end
  if not has_good_token(a) then return 'pending' end
  if math.max(a.cool_until, a.rate_until) > NOW then return 'cooling' end
  if a.in_flight >= limit_of(a) then return 'full' end
  return 'ready'
end

local function is_usable_in(place)
  return place ~= '' and place ~= 'pending'
end

-- Enters one that has just come to its place where it stands besides; nil is `before` where its routes may be new as well.
local function enter(name, a, before)
  local usable = is_usable_in(a.place)
  if usable and a.owner == '' and not (before and is_usable_in(before)) then
    redis.call('ZADD', key('usable'), int(a.expires), name)
  elseif not usable and (not before or is_usable_in(before)) then
    redis.call('ZREM', key('usable'), name)
  end
  if a.place ~= 'ready' then return end
  for _, route in ipairs(a.routes) do redis.call('ZADD', key('route', route, 'priorities'), a.priority, a.priority) end
end

-- Puts an account where its state says it belongs, or into another `place`, in every route it serves. One that stays where
-- it was costs little: whatever writes another expiry, owner or list of routes takes it out of its place before, as
-- `set_routes` does.
local function settle(name, a, place)
  a = a or read(name)
  if not a then return end
  place = place or place_of(a)
  local stays, score = place == a.place and a.priority == a.placed_priority, 0
  if not stays then leave(name, a) end
  if place == 'cooling' then score = math.max(a.cool_until, a.rate_until)
  elseif place == 'ready' then score = a.turn
  end
  local stands = stays and place ~= 'cooling' and a.turn == a.turn_before
  for _, route in ipairs(place ~= '' and not stands and a.routes or {}) do
    redis.call('ZADD', place_key(route, place, a.priority), int(score), name)
  end
  local account, before = key('account', name), a.placed_priority and a.place
  if stays then
    redis.call('HSET', account, 'turn', int(a.turn), 'in_flight', int(a.in_flight))
  else
    redis.call('HSET', account,
      'turn', int(a.turn), 'in_flight', int(a.in_flight), 'place', place, 'placed_priority', a.priority)
    a.place, a.placed_priority = place, a.priority
    enter(name, a, before)
  end
  if place == 'ready' then offer(name, a) end
end

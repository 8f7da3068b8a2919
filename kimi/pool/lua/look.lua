-- Lets what time has changed take effect, and calls those who wait for it.
-- ARGV: now, routes (JSON)
-- Returns the milliseconds until the next account of these routes has rested enough; nothing where none rests.

local routes = cjson.decode(ARGV[2])
catch_up(routes)
call_waiting(routes)
local first
for _, route in ipairs(routes) do
  local queue = key('route', route, 'queue')
  for _, ticket in ipairs(redis.call('ZRANGE', queue, 0, 3)) do
    if redis.call('EXISTS', key('ticket', ticket)) == 0 then redis.call('ZREM', queue, ticket) end
  end
  local resting = redis.call('ZRANGE', place_key(route, 'cooling'), 0, 0, 'WITHSCORES')[2]
  if resting then first = math.min(first or math.huge, tonumber(resting)) end
end
return first and int(math.max(0, first - NOW))

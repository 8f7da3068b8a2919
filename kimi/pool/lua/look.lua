-- Lets what time has changed take effect, and calls those who wait for it. Of all who look at a route one does so.
-- ARGV: now, routes (JSON), who looks
-- Returns the milliseconds until the next account of these routes has rested enough; nothing where none rests, or where
-- others look.

local ITS_TURN = 1000 -- for so many milliseconds nobody else looks
local routes = {}
for _, route in ipairs(cjson.decode(ARGV[2])) do
  local looker = key('route', route, 'looker')
  if redis.call('SET', looker, ARGV[3], 'NX', 'PX', ITS_TURN) or redis.call('GET', looker) == ARGV[3] then
    table.insert(routes, any_of(#routes + 1) + 1, route) -- another one each time: the last may be left out
  end
end
catch_up(routes)
call_waiting(routes)
local first
for _, route in ipairs(routes) do
  local queue = key('route', route, 'queue')
  for _, ticket in ipairs(redis.call('ZRANGE', queue, 0, 63)) do
    if redis.call('EXISTS', key('ticket', ticket)) == 1 then break end
    redis.call('ZREM', queue, ticket)
  end
  local resting = redis.call('ZRANGE', place_key(route, 'cooling'), 0, 0, 'WITHSCORES')[2]
  if resting then first = math.min(first or math.huge, tonumber(resting)) end
end
return first and int(math.max(0, first - NOW))

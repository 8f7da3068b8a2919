-- When each refresher was last seen.
-- ARGV: now
-- Returns {name, milliseconds since then, …}, the latest first.

local seen = redis.call('ZREVRANGE', key('refreshers'), 0, -1, 'WITHSCORES')
for i = 2, #seen, 2 do seen[i] = int(math.max(0, NOW - tonumber(seen[i]))) end
return seen

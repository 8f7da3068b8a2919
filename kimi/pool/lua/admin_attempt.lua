-- Somebody tries an admin key. From the FREE-th wrong one on nobody at his address may try again for a time that
-- doubles with each; a right one changes nothing, or whoever sends right keys from there would make room for guesses.
-- ARGV: now, address, 1 when the key was right, FREE, first milliseconds, most milliseconds, milliseconds to remember
-- Returns {milliseconds for which nothing is looked at there, 0 when this attempt counts; 1 when it has begun them}.

local wrong = key('admin', 'wrong', ARGV[2])
local count, till = unpack(redis.call('HMGET', wrong, 'count', 'until'))
local left = tonumber(till or '0') - NOW
if left > 0 and left <= tonumber(ARGV[6]) then return {left, 0} end -- more only after the clock was set back
if ARGV[3] == '1' then return {0, 0} end

count = tonumber(count or '0') + 1
local pause, over = 0, count - tonumber(ARGV[4])
if over >= 0 then pause = math.min(tonumber(ARGV[5]) * 2 ^ math.min(over, 32), tonumber(ARGV[6])) end
redis.call('HSET', wrong, 'count', count, 'until', int(NOW + pause))
redis.call('PEXPIRE', wrong, ARGV[7])
return {pause, pause > 0 and 1 or 0}

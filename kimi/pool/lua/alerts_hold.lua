-- Makes one process the one that watches, or lets it be so for longer.
-- ARGV: now, owner, milliseconds
-- Returns 0 while another one watches, 1 if it has watched all the time, 2 if it begins now.

local holder = redis.call('GET', key('alerts', 'watch'))
if holder and holder ~= ARGV[2] then return 0 end
redis.call('SET', key('alerts', 'watch'), ARGV[2], 'PX', ARGV[3])
return holder and 1 or 2

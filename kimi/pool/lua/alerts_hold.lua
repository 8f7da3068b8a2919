-- Makes one process the one that watches, or lets it be so for longer.
-- ARGV: now, owner, milliseconds
-- Returns 1, or 0 while another one watches.

local holder = redis.call('GET', key('alerts', 'watch'))
if holder and holder ~= ARGV[2] then return 0 end
redis.call('SET', key('alerts', 'watch'), ARGV[2], 'PX', ARGV[3])
return 1

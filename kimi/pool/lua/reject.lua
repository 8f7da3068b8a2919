-- The upstream refused an access token before its time: out of service until the refresher has stored another.
-- ARGV: now, name, version of the credential that was refused
-- Returns 1 for the first to say so of this version, 0 for all others.

local name = ARGV[2]
local a = read(name)
if not a or a.version ~= ARGV[3] or a.rejected == '1' then return 0 end
a.rejected = '1'
redis.call('HSET', key('account', name), 'rejected', '1')
redis.call('ZADD', key('refresh'), int(NOW), name)
settle(name, a)
redis.call('PUBLISH', key('wake'), name)
return 1

-- The upstream refused an access token before its time: out of service until the refresher has stored another.
-- ARGV: now, name, version of the credential that was refused
-- Returns 1 for the first to say so of this version, 0 for all others.

local name = ARGV[2]
local a = read(name)
if not a or a.version ~= ARGV[3] or a.rejected == '1' then return 0 end
a.rejected = '1'
redis.call('HSET', key('account', name), 'rejected', '1')
schedule(name, a, AT_ONCE)
settle(name, a)
if in_service(a) then redis.call('PUBLISH', key('wake'), name) end
return 1

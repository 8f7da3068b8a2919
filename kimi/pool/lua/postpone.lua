-- A refresh failed for a passing reason: the next try, and how many failed in a row.
-- ARGV: now, name, version, next refresh, failures

local name = ARGV[2]
local a = read(name)
if not a or a.version ~= ARGV[3] then return 0 end
redis.call('HSET', key('account', name), 'failures', ARGV[5])
schedule(name, a, ARGV[4])
return 1

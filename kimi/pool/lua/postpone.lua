-- A refresh failed for a passing reason: the next try, and how many failed in a row.
-- ARGV: now, name, version, next refresh, failures, whether the answer may have been lost on its way (1 or 0), why ('':
--       that is known already)

local name, account = ARGV[2], key('account', ARGV[2])
local a = read(name)
if not a or a.version ~= ARGV[3] then return 0 end
redis.call('HSET', account, 'failures', ARGV[5])
if ARGV[7] ~= '' and in_service(a) then redis.call('HSET', account, 'reason', ARGV[7]) end
redis.call('HDEL', account, 'spending')
if ARGV[6] == '1' then redis.call('HSET', account, 'unanswered', ARGV[3]) end
schedule(name, a, ARGV[4])
changed(name)
return 1

-- The probe of an account is being answered: the account may have all its requests again. Its failures are forgotten when
-- a whole answer was served: one that has only begun may break off, as those before it did.
-- ARGV: now, lease id with name, when it was granted

local name = account_of(ARGV[2])
local a = read(name)
if not a or a.strikes == 0 or a.probe == ANSWERED or not began_after_failure(a, tonumber(ARGV[3])) then return 0 end
a.probe = ANSWERED
redis.call('HSET', key('account', name), 'probe', ANSWERED)
changed(name)
settle(name, a)
return 1

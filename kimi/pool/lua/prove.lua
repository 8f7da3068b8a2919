-- The probe of an account is being answered: the account may have all its requests again.
-- ARGV: now, lease id with name, when it was granted

local name = account_of(ARGV[2])
local a = read(name)
if not a or a.strikes == 0 or not began_after_failure(a, tonumber(ARGV[3])) then return 0 end
forget_failures(name, a)
settle(name, a)
return 1

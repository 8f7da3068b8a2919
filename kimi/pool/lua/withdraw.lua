-- An account is no longer configured, or not with this credential: out of service, but nothing of it is forgotten.
-- ARGV: now, name

local name = ARGV[2]
local a = read(name)
if not a or a.present ~= '1' then return 0 end
withdraw(name, a)
return 1

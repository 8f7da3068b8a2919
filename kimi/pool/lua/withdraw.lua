-- An account is no longer configured, or not with this credential: out of service, but nothing of it is forgotten.
-- ARGV: now, name, 1 if its credential is wanted under another name: then it serves on while that is being exchanged
-- Returns 1; or 0 where it is out of service already; or 2 where it has to stay for now.

local name = ARGV[2]
local a = read(name)
if not a or a.present ~= '1' then return 0 end
if ARGV[3] == '1' and redis.call('EXISTS', key('lock', name)) == 1 then return 2 end
withdraw(name, a)
return 1

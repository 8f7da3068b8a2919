-- Takes an account out of service for a reason that only a new credential or the operator can lift.
-- ARGV: now, name, version, state, reason
-- Returns 1, or 0 when the credential has moved on or the account is marked so already.

local name, state = ARGV[2], ARGV[4]
local a = read(name)
if not a or a.version ~= ARGV[3] or a.state == state then return 0 end
a.state = state
redis.call('HSET', key('account', name), 'state', state, 'reason', ARGV[5])
redis.call('ZREM', key('refresh'), name)
settle(name, a)
changed(name)
rouse_owner(a)
-- Some refresher may remember a later credential than the one that was refused.
if state == 'dead' then redis.call('PUBLISH', key('wake'), name) end
return 1

-- An account is no longer configured, or not with this credential: out of service, but nothing of it is forgotten.
-- ARGV: now, name

local name = ARGV[2]
local a = read(name)
if not a or a.present ~= '1' then return 0 end
a.present = '0'
redis.call('HSET', key('account', name), 'present', '0')
redis.call('ZADD', key('gone'), int(NOW), name)
-- Whoever is configured with the same secret from now on goes on with what has become of it.
local kept = key('kept', a.fingerprint)
redis.call('HSET', kept, 'name', name, 'version', a.version, 'refresh', a.refresh)
redis.call('PEXPIRE', kept, KEEP)
schedule(name, a)
set_routes(name, a)
settle(name, a)
changed(name)
return 1

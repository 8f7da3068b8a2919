-- An account is no longer configured: out of service, but nothing of it is forgotten.
-- ARGV: now, name

local name = ARGV[2]
local a = read(name)
if not a or a.present ~= '1' then return 0 end
leave(name, a)
a.place = ''
a.present = '0'
redis.call('HSET', key('account', name), 'present', '0', 'place', '')
set_routes(name, a, a.routes)
redis.call('ZREM', key('refresh'), name)
settle(name)
return 1

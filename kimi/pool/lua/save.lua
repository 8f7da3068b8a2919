-- Stores a fresh credential, both tokens at once, if nobody has stored another since the writer read it.
-- ARGV: now, name, expected version, access, refresh, issued, expires, next refresh, models (JSON), routes (JSON)
-- Returns 1, or 0 when the credential has moved on.

local name = ARGV[2]
local a = read(name)
if not a or a.version ~= ARGV[3] then return 0 end
leave(name, a)
a.place = ''
a.state = a.state == 'paused' and 'paused' or 'active'
redis.call('HSET', key('account', name),
  'access', ARGV[4], 'refresh', ARGV[5], 'issued', ARGV[6], 'expires', ARGV[7], 'models', ARGV[9], 'routes', ARGV[10],
  'state', a.state, 'reason', '', 'rejected', '0', 'failures', '0', 'place', '',
  'version', int(tonumber(a.version) + 1))
set_routes(name, a, cjson.decode(ARGV[10]))
schedule(name, a, ARGV[8])
settle(name)
return 1

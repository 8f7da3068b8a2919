-- Stores a fresh credential, both tokens at once, if nobody has stored another since the writer read it.
-- ARGV: now, name, expected version, access, refresh, issued, expires, next refresh, models (JSON), fingerprint,
--       its version, the refresh token before the stored one that it was given for ('': that was the stored one), 1 if the
--       refresh token came alone, so that the access token beside it says nothing of it, fingerprint of the refresh token
-- Returns 1, or 0 when the credential has moved on.

local name, version, spent, came_alone = ARGV[2], ARGV[11], ARGV[12], ARGV[13] == '1'
local account, kept = key('account', name), key('kept', ARGV[10])
local holder = redis.call('HMGET', kept, 'name', 'version')
if holder[1] == name and holder[2] == ARGV[3] then
  succeed(kept, ARGV[5], spent)
  redis.call('HSET', kept, 'version', version, 'rejected', came_alone and '1' or '0')
end
local a = read(name)
if not a or a.version ~= ARGV[3] then return 0 end
a.state = a.state == 'paused' and 'paused' or 'active'
if is_key(a.spec) then
  a.models = ARGV[9] -- the others tell theirs apart from this
  redis.call('HSET', account, 'refresh', ARGV[5])
  forget_previous(account)
else
  succeed(account, ARGV[5], spent)
  known_by(name, ARGV[14])
end
a.access, a.expires, a.rejected = ARGV[4], tonumber(ARGV[7]), '0'
redis.call('HSET', account,
  'access', a.access, 'issued', ARGV[6], 'expires', ARGV[7], 'models', a.models, 'state', a.state, 'reason', '',
  'rejected', '0', 'failures', '0', 'version', version, 'alone', came_alone and version or '',
  'stored', int(NOW)) -- by this clock, and not the writer's
schedule(name, a, ARGV[8])
set_routes(name, a)
settle(name, a)
changed(name)
return 1

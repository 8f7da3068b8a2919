-- Stores a fresh credential, both tokens at once, if nobody has stored another since the writer read it. The refresh
-- token that it takes the place of is kept until they have served: should they be none, it is the last that was one.
-- ARGV: now, name, expected version, access, refresh, issued, expires, next refresh, models (JSON), fingerprint,
--       its version
-- Returns 1, or 0 when the credential has moved on.

local name, version = ARGV[2], ARGV[11]
local kept = key('kept', ARGV[10])
local holder = redis.call('HMGET', kept, 'name', 'version')
if holder[1] == name and holder[2] == ARGV[3] then
  redis.call('HSET', kept, 'refresh', ARGV[5], 'version', version)
end
local a = read(name)
if not a or a.version ~= ARGV[3] then return 0 end
a.state = a.state == 'paused' and 'paused' or 'active'
local stays, previous = is_key(a.spec), a.refresh
if stays then
  previous = ''
elseif a.rejected == '1' then -- what goes was no good, and may be none of the vendor's: the one before it stays
  local before = redis.call('HGET', key('account', name), 'previous')
  previous = before and before ~= '' and before or previous
end
a.access, a.expires, a.rejected = ARGV[4], tonumber(ARGV[7]), '0'
if stays then a.models = ARGV[9] end -- the others tell theirs apart from this
redis.call('HSET', key('account', name),
  'access', a.access, 'refresh', ARGV[5], 'previous', previous, 'issued', ARGV[6],
  'expires', ARGV[7], 'models', a.models, 'state', a.state, 'reason', '', 'rejected', '0', 'failures', '0',
  'version', version, 'stored', int(NOW)) -- by this clock, and not the writer's
schedule(name, a, ARGV[8])
set_routes(name, a)
settle(name, a)
changed(name)
return 1

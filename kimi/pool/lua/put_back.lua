-- The store has gone back to an older state: a credential makes room for one that came after it. The access token that
-- stands there did not come with that.
-- ARGV: now, name, version and refresh token that go, version and refresh token in their place, 1 if those that go were
--       refused: else they stay behind, should the others be none; tokens as they are stored, and the fingerprint of the
--       one in their place
-- Returns 1, or 0 when another credential is stored or the account is banned or not configured. A paused one stays so.

local name, account = ARGV[2], key('account', ARGV[2])
local a = read(name)
if not a or a.version ~= ARGV[3] or a.refresh ~= ARGV[4] then return 0 end
if a.state == 'dead' then a.state = a.access == '' and 'new' or 'active' end
if not in_service(a) and not (a.present == '1' and a.state == 'paused') then return 0 end
succeed(account, ARGV[6], '')
known_by(name, ARGV[8])
if ARGV[7] == '1' then forget_previous(account) end
redis.call('HSET', account,
  'version', ARGV[5], 'alone', ARGV[5], 'state', a.state, 'reason', '', 'failures', '0')
schedule(name, a, AT_ONCE)
settle(name, a)
changed(name)
redis.call('PUBLISH', key('wake'), name)
return 1

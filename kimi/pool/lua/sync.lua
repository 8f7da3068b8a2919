-- Brings one configured account into the pool, or up to date with what the operator wrote.
-- The stored credential wins over the configured one until the configured one itself changes (its fingerprint).
-- ARGV: now, name, spec (JSON), origin, fingerprint, credential, limit, rate, weight, priority, routes (JSON)
-- Returns 'added', 'revived' (a new credential), 'updated' or 'same'.

local name, spec, origin, fingerprint, credential = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local account = key('account', name)
local known = redis.call('HMGET', account, 'spec', 'fingerprint', 'present', 'version', 'origin')
local fresh = known[2] ~= fingerprint
if known[1] == spec and not fresh and known[3] == '1' and known[5] == origin then return 'same' end

local outcome = 'updated'
if not known[4] then
  outcome = 'added'
  redis.call('SADD', key('accounts'), name)
  redis.call('HSET', account, 'in_flight', '0', 'turn', '0', 'place', '', 'routes', '[]', 'version', '0')
elseif fresh then
  outcome = 'revived'
end
if fresh then
  redis.call('HSET', account,
    'fingerprint', fingerprint, 'refresh', credential, 'access', '', 'issued', '0', 'expires', '0', 'rejected', '0',
    'state', 'new', 'reason', '', 'failures', '0', 'cool_until', '0', 'cool_reason', '', 'rate_until', '0', 'models', '[]',
    'version', int(tonumber(known[4] or '0') + 1))
  redis.call('DEL', key('refused', name))
end
local a = read(name)
leave(name, a)
a.place = ''
a.present = '1'
redis.call('HSET', account,
  'spec', spec, 'origin', origin, 'present', '1', 'limit', ARGV[7], 'rate', ARGV[8], 'weight', ARGV[9],
  'priority', ARGV[10], 'routes', ARGV[11], 'place', '')
if ARGV[8] == '0' then redis.call('HSET', account, 'rate_until', '0') end
set_routes(name, a, cjson.decode(ARGV[11]))
if a.state == 'new' or a.state == 'active' then
  if fresh or not redis.call('ZSCORE', key('refresh'), name) then
    redis.call('ZADD', key('refresh'), int(NOW), name)
    redis.call('PUBLISH', key('wake'), name)
  end
end
settle(name)
return outcome

-- Gives a lease back, once; what the upstream did to the account during it comes along.
-- ARGV: now, lease id with name, milliseconds to cool, reason, model (cool only this model on this account)

local lease, cool, reason, model = ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local name, a = give_back(lease)
-- A renewal that was sent before this may arrive after it, and must not bring the lease back.
redis.call('SET', key('returned', lease), '', 'PX', 10000)
if not name then
  name = account_of(lease)
  a = read(name)
  if not a then return 0 end
end
if cool > 0 and model ~= '' then
  local refused = key('refused', name)
  redis.call('ZREMRANGEBYSCORE', refused, '-inf', int(NOW))
  redis.call('ZADD', refused, int(NOW + cool), model)
  local longest = redis.call('ZRANGE', refused, -1, -1, 'WITHSCORES')
  redis.call('PEXPIRE', refused, int(tonumber(longest[2]) - NOW))
elseif cool > 0 and NOW + cool > a.cool_until then
  a.cool_until = NOW + cool
  redis.call('HSET', key('account', name), 'cool_until', int(a.cool_until), 'cool_reason', reason)
end
settle(name, a)
return 1

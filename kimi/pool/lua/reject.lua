-- The upstream refused an access token before its time: out of service until the refresher has stored another.
-- ARGV: now, name, version of the credential that was refused
-- Returns 1 for the first to say so of this version, 0 for all others.

local name, account = ARGV[2], key('account', ARGV[2])
local a = read(name)
if not a or a.version ~= ARGV[3] or a.rejected == '1' then return 0 end

-- Where each new token is refused as soon as it is made, it is the account, and every request would cost an exchange.
local YOUNG, LONGEST = 10000, 60000
local known = redis.call('HMGET', account, 'stored', 'spoilt')
local is_young = NOW - (tonumber(known[1]) or 0) < YOUNG
local spoilt = is_young and (tonumber(known[2]) or 0) + 1 or 0
a.rejected = '1'
redis.call('HSET', account, 'rejected', '1', 'spoilt', spoilt)
if spoilt > 1 then
  schedule(name, a, int(NOW + math.min(1000 * 2 ^ (spoilt - 2), LONGEST)))
else
  hasten(name, a)
end
settle(name, a)
changed(name)
return 1

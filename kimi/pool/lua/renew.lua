-- Lengthens leases that are still in use. One that expired meanwhile (its holder was stopped, or Redis lost it) counts
-- again, because its stream does run; one that was given back does not.
-- ARGV: now, lease milliseconds, lease ids with names …

local expiry = int(NOW + tonumber(ARGV[2]))
for i = 3, #ARGV do
  local lease = ARGV[i]
  if redis.call('ZSCORE', key('leases'), lease) then
    redis.call('ZADD', key('leases'), expiry, lease)
  elseif redis.call('EXISTS', key('returned', lease)) == 0 then
    local name = account_of(lease)
    local a = read(name)
    if a then
      a.in_flight = a.in_flight + 1
      redis.call('ZADD', key('leases'), expiry, lease) -- first: it may be the probe
      settle(name, a)
    end
  end
end
return 1

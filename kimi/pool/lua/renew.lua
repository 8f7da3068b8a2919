-- Lengthens leases that are still in use. One that expired meanwhile (its holder was stopped, or Redis lost it) counts
-- again, because its stream does run.
-- ARGV: now, lease milliseconds, lease ids with names …

local expiry = int(NOW + tonumber(ARGV[2]))
for i = 3, #ARGV do
  local lease = ARGV[i]
  if not redis.call('ZSCORE', key('leases'), lease) then
    local name = string.sub(lease, string.find(lease, ':', 1, true) + 1)
    local a = read(name)
    if a then
      a.in_flight = a.in_flight + 1
      settle(name, a)
      redis.call('ZADD', key('leases'), expiry, lease)
    end
  else
    redis.call('ZADD', key('leases'), expiry, lease)
  end
end
return 1

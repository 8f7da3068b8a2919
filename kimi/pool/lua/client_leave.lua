-- A request of a client key has ended.
-- ARGV: now, id of the key, id of the request, tokens that it took

local DAY = 86400000
redis.call('ZREM', key('client', ARGV[2], 'running'), ARGV[3])
if tonumber(ARGV[4]) > 0 then
  local today = key('client', ARGV[2], 'tokens', int(math.floor(NOW / DAY)))
  redis.call('INCRBY', today, ARGV[4])
  redis.call('PEXPIRE', today, 2 * DAY)
end
return 1

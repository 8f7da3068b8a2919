-- Writes which version of the schema stands there. Only who converts may. Where elders are shut out before anything is
-- converted it is kept when that was, until it is.
-- ARGV: now, owner, version, oldest version whose releases may work with it, release that knows the oldest first,
--   release that writes, 1 if it is yet to convert
-- Returns whether it was written.

if redis.call('GET', key('schema', 'lock')) ~= ARGV[2] then return 0 end
local before = redis.call('HGET', key('schema'), 'towards')
redis.call('HSET', key('schema'), 'version', ARGV[3], 'oldest', ARGV[4], 'needed', ARGV[5], 'release', ARGV[6])
if ARGV[7] == '1' then
  redis.call('HSET', key('schema'), 'raised', int(NOW))
else
  redis.call('HDEL', key('schema'), 'raised')
  if before == ARGV[3] then redis.call('HDEL', key('schema'), 'towards', 'mark') end
end
return 1

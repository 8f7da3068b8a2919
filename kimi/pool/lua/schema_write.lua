-- Writes which version of the schema stands there. Only who converts may.
-- ARGV: now, owner, version, oldest version whose releases may work with it, release that knows the oldest first,
--   release that writes
-- Returns whether it was written.

if redis.call('GET', key('schema', 'lock')) ~= ARGV[2] then return 0 end
redis.call('HSET', key('schema'), 'version', ARGV[3], 'oldest', ARGV[4], 'needed', ARGV[5], 'release', ARGV[6])
if redis.call('HGET', key('schema'), 'towards') == ARGV[3] then redis.call('HDEL', key('schema'), 'towards', 'mark') end
return 1

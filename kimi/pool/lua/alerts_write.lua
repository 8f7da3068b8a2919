-- Writes what has changed of the alerts. Whoever does not watch any more must not: another one has read them already.
-- ARGV: now, owner, what is wrong now (JSON), [[field, entry], …] (JSON), [field that is gone, …] (JSON)
-- Returns 1, or 0 when another one watches.

if redis.call('GET', key('alerts', 'watch')) ~= ARGV[2] then return 0 end
for _, entry in ipairs(cjson.decode(ARGV[4])) do redis.call('HSET', key('alerts'), entry[1], entry[2]) end
for _, field in ipairs(cjson.decode(ARGV[5])) do redis.call('HDEL', key('alerts'), field) end
redis.call('SET', key('alerts', 'active'), ARGV[3])
return 1

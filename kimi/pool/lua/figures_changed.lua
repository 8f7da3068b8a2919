-- Whose figures have changed.
-- ARGV: now, since when, in milliseconds
-- Returns {now, 'account NAME' or 'client ID' …}; those of that very millisecond are told again.

local answer = redis.call('ZRANGEBYSCORE', key('figures', 'changed'), ARGV[2], '+inf')
table.insert(answer, 1, int(NOW))
return answer

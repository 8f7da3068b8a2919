-- Whose figures have changed, the oldest first.
-- ARGV: now, since when, in milliseconds, how many at most
-- Returns {up to when this tells it, 'account NAME' or 'client ID' …}; those of that very millisecond are told again.

local most = tonumber(ARGV[3])
local page = redis.call('ZRANGEBYSCORE', key('figures', 'changed'), ARGV[2], '+inf', 'WITHSCORES', 'LIMIT', 0, most)
local answer = {int(NOW)}
for i = 1, #page, 2 do answer[#answer + 1] = page[i] end
-- Of one millisecond there may be more: those beyond are told when they have changed again.
if #page == 2 * most then answer[1] = int(math.max(tonumber(page[#page]), tonumber(ARGV[2]) + 1)) end
return answer

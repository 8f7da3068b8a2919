-- Which accounts have changed since somebody last asked.
-- ARGV: now, number of the last change that is known (0: none), how many names at most
-- Returns {number of the last change that this tells, number of the last change of all, the lineage,
-- name, name …}, the oldest change first.

local latest = redis.call('GET', key('changes')) or '0'
local page = redis.call('ZRANGEBYSCORE', key('changed'), '(' .. ARGV[2], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[3])
local answer = {#page == 2 * tonumber(ARGV[3]) and page[#page] or latest, latest, lineage('')}
for i = 1, #page, 2 do answer[#answer + 1] = page[i] end
return answer

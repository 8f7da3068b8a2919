-- What has changed of the client keys since somebody last asked, for whoever keeps a copy.
-- ARGV: now, number of the last change that is known (0: none), how many keys at most
-- Returns {number of the last change that this tells, number of the last change of all, the lineage,
-- row, row …}, see client_row.

local known, latest = tonumber(ARGV[2]), tonumber(redis.call('GET', key('clients:changes')) or '0')
if known >= latest then return {int(latest), int(latest), lineage('clients:')} end -- below what is known: Redis has lost something

local page = redis.call('ZRANGEBYSCORE', key('clients'), '(' .. ARGV[2], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[3])
local told = #page < 2 * tonumber(ARGV[3]) and latest or tonumber(page[#page])
local answer = {int(told), int(latest), lineage('clients:')}
for i = 1, #page, 2 do
  local row = client_row(page[i])
  if row then
    answer[#answer + 1] = row
  else
    redis.call('ZREM', key('clients'), page[i]) -- revoked so long ago that it has vanished
  end
end
return answer

-- What has changed of the accounts since somebody last asked, for whoever keeps a copy.
-- ARGV: now, number of the last change that is known (0: none), how many accounts at most
-- Returns {number of the last change that this tells, number of the last change of all, account, account …}.
-- Every account is {name, spec, routes, state, present, rejected, access token, version, its expiry, cool until,
-- strikes, kind of the strikes, time of the last one, organisation, fingerprint, {model, refused until, …}}.

local known, latest = tonumber(ARGV[2]), tonumber(redis.call('GET', key('changes')) or '0')
if known >= latest then return {int(latest), int(latest)} end -- below what is known: Redis has lost something

local page = redis.call('ZRANGEBYSCORE', key('changed'), '(' .. ARGV[2], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[3])
local told = #page < 2 * tonumber(ARGV[3]) and latest or tonumber(page[#page])
local answer = {int(told), int(latest)}
for i = 1, #page, 2 do
  local name = page[i]
  local row = redis.call('HMGET', key('account', name),
    'spec', 'routes', 'state', 'present', 'rejected', 'access', 'version', 'expires', 'cool_until',
    'strikes', 'strike_kind', 'struck', 'org', 'fingerprint')
  if row[1] then
    table.insert(row, 1, name)
    row[#row + 1] = redis.call('ZRANGEBYSCORE', key('refused', name), '(' .. int(NOW), '+inf', 'WITHSCORES')
    answer[#answer + 1] = row
  end
end
return answer

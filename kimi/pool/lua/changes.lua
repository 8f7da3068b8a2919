-- What has changed of the accounts since somebody last asked, for whoever keeps a copy.
-- ARGV: now, number of the last change that is known (0: none), how many accounts at most,
--       or names of accounts, which are told whether they have changed or not, and nothing else
-- Returns {number of the last change that this tells, number of the last change of all, the lineage,
-- account, account …}.
-- Every account is {name, spec, routes, state, present, rejected, access token, version, its expiry, cool until,
-- strikes, kind of the strikes, time of the last one, organisation, fingerprint, {model, refused until, …}}.

local known, latest = tonumber(ARGV[2]), tonumber(redis.call('GET', key('changes')) or '0')
local answer = {int(latest), int(latest), lineage('')}
if #ARGV == 3 and known >= latest then return answer end -- below what is known: Redis has lost something

local function tell(name)
  local row = redis.call('HMGET', key('account', name),
    'spec', 'routes', 'state', 'present', 'rejected', 'access', 'version', 'expires', 'cool_until',
    'strikes', 'strike_kind', 'struck', 'org', 'fingerprint')
  if not row[1] then return end
  table.insert(row, 1, name)
  row[#row + 1] = redis.call('ZRANGEBYSCORE', key('refused', name), '(' .. int(NOW), '+inf', 'WITHSCORES')
  answer[#answer + 1] = row
end

for i = 4, #ARGV do tell(ARGV[i]) end
if #ARGV > 3 then return answer end

local page = redis.call('ZRANGEBYSCORE', key('changed'), '(' .. ARGV[2], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[3])
if #page == 2 * tonumber(ARGV[3]) then answer[1] = int(tonumber(page[#page])) end
for i = 1, #page, 2 do tell(page[i]) end
return answer

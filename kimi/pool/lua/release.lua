-- Gives a lease back, once; what the upstream did to the account during it comes along.
-- ARGV: now, lease id with name, when it was granted, version of the credential that has served (0 where none has),
--       kind of failure ('' for none), its text, first rest, longest rest, factor, what the upstream said (-1: nothing),
--       model (only this model of the account rests), organisation whose limit was met ('' for none),
--       1 if a renewal of the lease was sent at any time, and what `keep_conversation` takes, where a conversation is to
--       be kept; times in milliseconds
-- Returns for how many milliseconds the account, or the model, rests now.

local lease, granted, served, kind = ARGV[2], tonumber(ARGV[3]), ARGV[4] ~= '0', ARGV[5]
local first, most, factor, told, model = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10]), ARGV[11]
local name, a = give_back(lease)
-- A renewal that was sent before this may arrive after it, and must not bring the lease back.
if ARGV[13] == '1' then redis.call('SET', key('returned', lease), '', 'PX', 10000) end
if ARGV[14] then
  keep_conversation(ARGV[14], ARGV[15], ARGV[16], ARGV[17], ARGV[18], ARGV[19], ARGV[20], ARGV[21])
end
if not name then
  name = account_of(lease)
  a = read(name)
  if not a then return 0 end
end
local account = key('account', name)

local function refuse_model(rest)
  local refused = key('refused', name)
  redis.call('ZREMRANGEBYSCORE', refused, '-inf', int(NOW))
  redis.call('ZADD', refused, int(NOW + rest), model)
  local longest = redis.call('ZRANGE', refused, -1, -1, 'WITHSCORES')
  redis.call('PEXPIRE', refused, int(tonumber(longest[2]) - NOW))
end

local function rest_until(time)
  a.cool_until = time
  redis.call('HSET', account, 'cool_until', int(time), 'cool_reason', ARGV[6])
end

-- A limit of an organisation holds for all its keys: those that are known to be of it rest with the one that met it. Of
-- many some do, by chance; each of the others does as much when it meets the limit itself.
local MOST_RESTING = 32

local function rest_organisation(organisation)
  local members = key('org', organisation)
  redis.call('HSET', account, 'org', organisation)
  redis.call('SADD', members, name)
  redis.call('PEXPIRE', members, 30 * 86400000)
  for _, other in ipairs(redis.call('SRANDMEMBER', members, MOST_RESTING)) do
    local b = other == name and a or read(other)
    if not b or b.present ~= '1' or redis.call('HGET', key('account', other), 'org') ~= organisation then
      redis.call('SREM', members, other) -- it is gone, or its key is another one now
    elseif a.cool_until > b.cool_until then
      b.cool_until, b.strikes, b.probe = a.cool_until, math.max(a.strikes, 1), ''
      redis.call('HSET', key('account', other), 'cool_until', int(b.cool_until), 'cool_reason', ARGV[6],
        'strikes', int(b.strikes), 'strike_kind', kind, 'struck', int(NOW), 'probe', '')
      settle(other, b)
      changed(other)
    end
  end
end

-- The access token that is stored is good, and so is the refresh token that came with it: those before are spent.
if served and ARGV[4] == a.version and a.previous ~= '' and a.alone ~= a.version then forget_previous(account) end

local is_news = began_after_failure(a, granted)
local rest = 0
if kind ~= '' and model ~= '' then
  rest = told >= 0 and told or first
  refuse_model(rest)
  a.turn_before = nil -- it may stand aside by another time
  changed(name)
elseif kind ~= '' then
  if is_news then
    a.strikes = a.strike_kind == kind and math.min(a.strikes + 1, 64) or 1
    a.probe = ''
    redis.call('HSET', account, 'strikes', int(a.strikes), 'strike_kind', kind, 'struck', int(NOW), 'probe', '')
    rest = math.min(most, first * factor ^ (a.strikes - 1))
  end
  if told >= 0 then rest = told end
  if NOW + rest > a.cool_until then rest_until(NOW + rest) end
  rest = math.max(0, a.cool_until - NOW)
  if ARGV[12] ~= '' then rest_organisation(ARGV[12]) end
  changed(name)
elseif served and is_news and a.strikes > 0 then
  forget_failures(name, a)
end
settle(name, a)
return int(rest)

-- The pool at a glance. How many accounts are in which state is kept up with what has changed since the last look, so
-- that to look every second costs next to nothing, whatever the size of the pool.
-- ARGV: now
-- Returns {usable accounts, running requests, expiry of the first access token or '', waiting requests,
--          requests that may run at once, state, how many, …}.

local KEEP_VIEW = 3600000
local view, sums = key('states'), key('states', 'sums')
local latest = tonumber(redis.call('GET', key('changes')) or '0')

local function show(name, word, limit)
  local before = redis.call('HGET', view, name)
  local now = word and word .. ' ' .. limit or nil
  if before == now or not (before or now) then return end
  if before then
    local was, places = string.match(before, '^(%S+) (%d+)$')
    redis.call('HINCRBY', sums, was, -1)
    redis.call('HINCRBY', sums, 'limit', '-' .. places)
  end
  if now then
    redis.call('HSET', view, name, now)
    redis.call('HINCRBY', sums, word, 1)
    redis.call('HINCRBY', sums, 'limit', limit)
  else
    redis.call('HDEL', view, name)
  end
end

local function look_at(name)
  local state, present, rejected, owner, limit = unpack(redis.call('HMGET', key('account', name),
    'state', 'present', 'rejected', 'owner', 'limit'))
  if present ~= '1' then return show(name, nil) end
  if owner and owner ~= '' then return show(name, 'private', '0') end
  local serves = state == 'active' or state == 'new'
  local word = state == 'active' and rejected == '1' and 'refreshing' or state
  show(name, word, serves and limit or '0')
end

local function catch_up_from(number)
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', key('changed'), '(' .. int(number), '+inf')) do look_at(name) end
end

local function begin_anew()
  redis.call('DEL', view, sums)
  catch_up_from(0)
end

local known = tonumber(redis.call('HGET', sums, 'number') or '0')
if known == 0 or known > latest then begin_anew() else catch_up_from(known) end -- Redis may have lost something
if redis.call('HLEN', view) ~= redis.call('SCARD', key('accounts')) - redis.call('ZCARD', key('gone')) then
  begin_anew() -- who is deleted changes no more
end
redis.call('HSET', sums, 'number', int(latest))
redis.call('PEXPIRE', view, KEEP_VIEW)
redis.call('PEXPIRE', sums, KEEP_VIEW)

local tickets, waiting = {}, 0
for _, route in ipairs(someone_waits() and redis.call('SMEMBERS', key('routes')) or {}) do
  for _, ticket in ipairs(redis.call('ZRANGE', key('route', route, 'queue'), 0, 4999)) do
    if not tickets[ticket] then tickets[ticket], waiting = true, waiting + 1 end
  end
end

local from = '(' .. int(NOW)
local expiry = redis.call('ZRANGEBYSCORE', key('usable'), from, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
local states, limit = {}, '0'
local counts = redis.call('HGETALL', sums)
for i = 1, #counts, 2 do
  local word, count = counts[i], counts[i + 1]
  if word == 'limit' then limit = count
  elseif word ~= 'number' and word ~= 'private' and count ~= '0' then
    states[#states + 1], states[#states + 2] = word, count
  end
end
return {
  redis.call('ZCOUNT', key('usable'), from, '+inf'), redis.call('ZCOUNT', key('leases'), from, '+inf'),
  expiry or '', waiting, limit, unpack(states),
}

-- The pool at a glance. How many accounts are in which state is kept up with what has changed since the last look, so
-- that to look every second costs next to nothing, whatever the size of the pool.
-- ARGV: now, how many accounts may be looked at in this step
-- Returns {} where there are more: it is to be called again at once. Otherwise
--         {usable accounts, running requests, expiry of the first access token or '', waiting requests,
--          requests that may run at once, state, how many, …}.

local KEEP_VIEW = 3600000
local PATIENCE = 60000 -- so often all is counted anew where it cannot be right
local view, sums = key('states'), key('states', 'sums')
local latest = tonumber(redis.call('GET', key('changes')) or '0')

local function show(name, word, limit)
  local before = redis.call('HGET', view, name)
  local now = word and word .. ' ' .. limit or nil
  if before == now or not (before or now) then return end
  if before then
    local was, places = string.match(before, '^(%S+) (%d+)$')
    redis.call('HINCRBY', sums, was, -1)
    redis.call('HINCRBY', sums, 'limit', int(0 - tonumber(places)))
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
  local is_served = state == 'active' or state == 'new'
  local word = state == 'active' and rejected == '1' and 'refreshing' or state
  show(name, word, is_served and limit or '0')
end

local function begin_anew()
  redis.call('UNLINK', view, sums) -- a large one is freed behind the back of those who lease
  redis.call('HSET', sums, 'number', '0', 'anew', int(NOW))
end

-- Returns whether there is nothing more to look at.
local function look_on()
  local from, most = redis.call('HGET', sums, 'number'), tonumber(ARGV[2])
  local page = redis.call('ZRANGEBYSCORE', key('changed'), '(' .. from, '+inf', 'WITHSCORES', 'LIMIT', 0, most)
  for i = 1, #page, 2 do look_at(page[i]) end
  local is_last = #page < 2 * most
  redis.call('HSET', sums, 'number', is_last and int(latest) or page[#page])
  redis.call('PEXPIRE', view, KEEP_VIEW)
  redis.call('PEXPIRE', sums, KEEP_VIEW)
  return is_last
end

local number, anew = unpack(redis.call('HMGET', sums, 'number', 'anew'))
if not number or tonumber(number) > latest then begin_anew() end -- Redis may have lost something
if not look_on() then return {} end
-- Who was forgotten since the last look, or the whole view, changes no more.
local there = redis.call('SCARD', key('accounts')) - redis.call('ZCARD', key('gone'))
if redis.call('HLEN', view) ~= there and NOW - tonumber(anew or '0') > PATIENCE then
  begin_anew()
  return {}
end

-- Where more wait than can be looked at, it is at least as many as the longest queue has.
local tickets, waiting, longest = {}, 0, 0
for _, route in ipairs(someone_waits() and redis.call('SMEMBERS', key('routes')) or {}) do
  local queue = key('route', route, 'queue')
  longest = math.max(longest, redis.call('ZCARD', queue))
  for _, ticket in ipairs(waiting < tonumber(ARGV[2]) and redis.call('ZRANGE', queue, 0, ARGV[2] - 1) or {}) do
    if not tickets[ticket] then tickets[ticket], waiting = true, waiting + 1 end
  end
end
waiting = math.max(waiting, longest)

local from = '(' .. int(NOW)
local expiry = redis.call('ZRANGEBYSCORE', key('usable'), from, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
local states, limit = {}, '0'
local counts = redis.call('HGETALL', sums)
for i = 1, #counts, 2 do
  local word, count = counts[i], counts[i + 1]
  if word == 'limit' then limit = count
  elseif word ~= 'number' and word ~= 'anew' and word ~= 'private' and count ~= '0' then
    states[#states + 1], states[#states + 2] = word, count
  end
end
return {
  redis.call('ZCOUNT', key('usable'), from, '+inf'), redis.call('ZCOUNT', key('leases'), from, '+inf'),
  expiry or '', waiting, limit, unpack(states),
}

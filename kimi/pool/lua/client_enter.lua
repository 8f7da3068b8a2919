-- Lets a request of a client key in, as far as its limits allow, and counts it.
-- ARGV: now, id of the key, id of the request, for how many milliseconds it has its place unless it is renewed,
-- requests a minute, tokens a day, how many at the same time; of the last three 0 is no limit
-- Returns {"" or the limit that is reached, milliseconds until trying again makes sense, requests left, milliseconds
-- until all of them are left, tokens left, milliseconds until their day is over, places left}.

local MINUTE, DAY = 60000, 86400000
local AHEAD = 1000 -- what is dated further from now is from before the clock was set back
local id, place, lives = ARGV[2], ARGV[3], tonumber(ARGV[4])
local requests, tokens, concurrent = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local recent, running = key('client', id, 'recent'), key('client', id, 'running')

local made, taken, busy = 0, 0, 0
if requests > 0 then
  if tonumber(redis.call('LINDEX', recent, 0) or '0') > NOW + AHEAD then redis.call('DEL', recent) end
  -- The times of the last minute, the newest first. Of many that are older a thousand go at once: to take each out by
  -- itself held Redis up for a fifth of a second where a key had used all of the most that it can have.
  for _, few in ipairs({1000, 1}) do
    local oldest = redis.call('LINDEX', recent, -few)
    while oldest and tonumber(oldest) <= NOW - MINUTE do
      redis.call('LTRIM', recent, 0, -few - 1)
      oldest = redis.call('LINDEX', recent, -few)
    end
  end
  made = redis.call('LLEN', recent)
end
if tokens > 0 then
  taken = tonumber(redis.call('GET', key('client', id, 'tokens', int(math.floor(NOW / DAY)))) or '0')
end
if concurrent > 0 then
  redis.call('ZREMRANGEBYSCORE', running, '-inf', int(NOW))
  for _, other in ipairs(redis.call('ZRANGEBYSCORE', running, int(NOW + lives + AHEAD), '+inf')) do
    redis.call('ZADD', running, int(NOW + lives), other)
  end
  busy = redis.call('ZCARD', running)
end

local reached, wait = '', 0
if tokens > 0 and taken >= tokens then
  reached, wait = 'tokens_per_day', DAY - NOW % DAY
elseif concurrent > 0 and busy >= concurrent then
  reached, wait = 'concurrent', 1000 -- nobody knows when one of them ends
elseif requests > 0 and made >= requests then
  reached, wait = 'requests_per_minute', tonumber(redis.call('LINDEX', recent, requests - 1)) + MINUTE - NOW
else
  if requests > 0 then
    made = redis.call('LPUSH', recent, int(NOW))
    redis.call('PEXPIRE', recent, MINUTE)
  end
  if concurrent > 0 then
    busy = busy + redis.call('ZADD', running, int(NOW + lives), place)
    redis.call('PEXPIRE', running, lives)
  end
end

local newest = requests > 0 and redis.call('LINDEX', recent, 0)
return {
  reached, int(wait),
  int(math.max(0, requests - made)), int(newest and tonumber(newest) + MINUTE - NOW or 0),
  int(math.max(0, tokens - taken)), int(DAY - NOW % DAY),
  int(math.max(0, concurrent - busy)),
}

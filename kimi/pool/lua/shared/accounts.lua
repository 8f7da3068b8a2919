-- The fields of an account that scripts read: the numbers first, so many of them, then the words.
local FIELDS, NUMBERS = {
  'expires', 'cool_until', 'rate_until', 'in_flight', 'limit', 'weight', 'turn', 'rate', 'strikes', 'struck',
  'present', 'state', 'access', 'rejected', 'priority', 'place', 'placed_priority', 'routes', 'version', 'spec',
  'fingerprint', 'refresh', 'models', 'line', 'strike_kind', 'owner', 'previous', 'alone', 'probe',
}, 10

local function read(name)
  local values, a = redis.call('HMGET', key('account', name), unpack(FIELDS)), {}
  for i = 1, NUMBERS do a[FIELDS[i]] = tonumber(values[i]) or 0 end
  for i = NUMBERS + 1, #FIELDS do a[FIELDS[i]] = values[i] or '' end
  if a.present == '' then return nil end
  a.turn_before = a.turn
  a.routes = cjson.decode(a.routes)
  return a
end

-- Whether the account of this spec has an official key, which stays what it is.
local function is_key(spec)
  return cjson.decode(spec).kind == 'moonshot'
end

-- Notes that an account is no longer what it was, for those who keep a copy.
local function changed(name)
  redis.call('ZADD', key('changed'), next_change(''), name)
end

-- After a failure an account is half open: beside what runs already one request tries it, its probe, and the others come
-- once that one is answered. A probe is one for as long as it stands among the leases.
local ANSWERED = '*' -- in the place of a probe's lease, once that is answered
local function limit_of(a)
  if a.strikes == 0 or a.probe == ANSWERED then return a.limit end
  local is_tried = a.probe ~= '' and redis.call('ZSCORE', key('leases'), a.probe)
  return math.min(a.limit, is_tried and a.in_flight or a.in_flight + 1)
end

-- Whether a lease that was granted then began after the failure that is known: what fails beside that is the same incident
-- and no further one, and what is served beside it says nothing. A failure that is still to come was told by a clock that
-- was ahead of this one.
local function began_after_failure(a, granted)
  return granted > a.struck or a.struck > NOW
end

-- An account is answered again: it is not half open any more. To be followed by `settle`.
local function forget_failures(name, a)
  a.strikes = 0
  redis.call('HSET', key('account', name), 'strikes', '0', 'strike_kind', '')
  changed(name)
end

local function in_service(a)
  return a.present == '1' and (a.state == 'active' or a.state == 'new')
end

local function has_good_token(a)
  return a.access ~= '' and a.rejected ~= '1' and a.expires > NOW
end

-- A time that is past by every clock: the refresher's may be behind this one.
local AT_ONCE = '0'

-- When an account is refreshed next. One that is out of service never is: it would be found due for ever.
local function schedule(name, a, due)
  if in_service(a) then
    redis.call('ZADD', key('refresh'), due, name)
  else
    redis.call('ZREM', key('refresh'), name)
  end
end

-- Refreshes an account before all others, new ones included: somebody waits for it. Those stand as they came, below 0.
local function hasten(name, a)
  if not in_service(a) then return end
  redis.call('ZADD', key('refresh'), 'LT', int(NOW - 1e15), name)
  redis.call('PUBLISH', key('wake'), name)
end

-- Until when an account that may have so many requests a minute has had them; 0 where it may have more.
local function used_up_until(name, rate)
  local first = rate > 0 and redis.call('LINDEX', key('recent', name), rate - 1)
  return first and tonumber(first) + 60000 or 0
end

-- How much of the traffic an account takes. To be followed by `settle`, of what is read behind this.
local function set_limits(name, limit, rate, weight, priority)
  local account = key('account', name)
  -- In the queue of another priority its turn means nothing.
  if redis.call('HGET', account, 'priority') ~= priority then redis.call('HSET', account, 'turn', '0') end
  redis.call('HSET', account, 'limit', limit, 'rate', rate, 'weight', weight, 'priority', priority,
    'rate_until', int(used_up_until(name, tonumber(rate))))
end

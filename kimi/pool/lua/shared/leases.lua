local function account_of(lease)
  return string.sub(lease, string.find(lease, ':', 1, true) + 1)
end

local function give_back(lease)
  if redis.call('ZREM', key('leases'), lease) == 0 then return nil end
  local name = account_of(lease)
  local a = read(name)
  if not a then return nil end
  a.in_flight = math.max(0, a.in_flight - 1)
  return name, a
end

-- Notes a lease of an account whose requests a minute are limited, and until when it rests where they are used up.
local function note_recent(name, a)
  local recent = key('recent', name)
  redis.call('LPUSH', recent, int(NOW))
  redis.call('LTRIM', recent, 0, a.rate - 1)
  redis.call('PEXPIRE', recent, 60000)
  a.rate_until = used_up_until(name, a.rate)
  if a.rate_until > 0 then redis.call('HSET', key('account', name), 'rate_until', int(a.rate_until)) end
end

local AT_A_TIME = 16 -- leases that have expired, and accounts of a route that have rested

-- What time alone has changed since the last call. Bounded, so that no caller pays for all of it. Returns whether there
-- may be more.
local function catch_up(routes)
  local expired = redis.call('ZRANGEBYSCORE', key('leases'), '-inf', int(NOW), 'LIMIT', 0, AT_A_TIME)
  local is_behind = #expired == AT_A_TIME
  for _, lease in ipairs(expired) do
    local name, a = give_back(lease)
    if name then settle(name, a) end
    redis.call('INCR', key('leases:expired'))
  end
  for _, route in ipairs(routes) do
    local cooling = place_key(route, 'cooling')
    local rested = redis.call('ZRANGEBYSCORE', cooling, '-inf', int(NOW), 'LIMIT', 0, AT_A_TIME)
    is_behind = is_behind or #rested == AT_A_TIME
    for _, name in ipairs(rested) do
      redis.call('ZREM', cooling, name) -- also of an account that Redis has lost, which leaves nothing else behind
      settle(name)
    end
  end
  return is_behind
end

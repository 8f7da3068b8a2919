-- A place that has become free is kept for the ticket that was called to it for GRACE milliseconds; a ticket that
-- did not come is called again after AGAIN.
local GRACE, AGAIN = 250, 1000

-- The queue of those who wait. A ticket stands in the queue of every route that it could be served by, by the number
-- that it was given once. Whoever is called to an account keeps a place of it free for a moment, so that nobody who has
-- just come overtakes. Nobody is called to an account that is not for him.

-- How many places of an account are kept for tickets that were called just now.
local function kept_places(name)
  local called = key('called', name)
  redis.call('ZREMRANGEBYSCORE', called, '-inf', int(NOW - GRACE))
  return redis.call('ZCARD', called)
end

local function someone_waits()
  return redis.call('EXISTS', key('waiting')) == 1
end

-- Until when an account refuses a model; nil where it does not.
local function refuses_until(name, model)
  local time = tonumber(redis.call('ZSCORE', key('refused', name), model) or '0')
  return time > NOW and time or nil
end

-- Whether an account can do what is wished in {model, names not to take, lines not to use, the only name that will do}.
local function suits(name, a, wish)
  local only = wish[4] or '' -- an older release wrote none
  if only ~= '' and only ~= name then return false end
  for _, excluded in ipairs(wish[2]) do
    if excluded == name then return false end
  end
  for _, tripped in ipairs(wish[3]) do
    if tripped == a.line then return false end
  end
  return not refuses_until(name, wish[1])
end

local function rouse(ticket)
  redis.call('PUBLISH', key('freed', string.match(ticket, '^[^.]*')), ticket)
end

local function call(ticket, name)
  redis.call('ZADD', key('called', name), int(NOW), ticket)
  redis.call('PEXPIRE', key('called', name), AGAIN)
  redis.call('HSET', key('ticket', ticket), 'again', int(NOW + AGAIN), 'called_to', name)
  rouse(ticket)
end

-- Calls as many to an account that is ready as it has places, first come, first served.
local function offer(name, a)
  if not someone_waits() then return end
  local more, known_wishes = limit_of(a) - a.in_flight - kept_places(name), {}
  for _, route in ipairs(a.routes) do
    local queue, from = key('route', route, 'queue'), 0
    while more > 0 and from < 1024 do
      local page = redis.call('ZRANGE', queue, from, from + 31)
      if #page == 0 then break end
      for _, ticket in ipairs(page) do
        if more <= 0 then break end
        local again, wish = unpack(redis.call('HMGET', key('ticket', ticket), 'again', 'wish'))
        if not again then
          redis.call('ZREM', queue, ticket) -- its holder is gone
        else
          from = from + 1
          if tonumber(again) <= NOW then
            if known_wishes[wish] == nil then known_wishes[wish] = suits(name, a, cjson.decode(wish)) end
            if known_wishes[wish] then
              call(ticket, name)
              more = more - 1
            end
          end
        end
      end
    end
  end
end

local function offer_again(name)
  local a = name and read(name)
  if a and a.place == 'ready' then offer(name, a) end
end

-- Calls those whose call was lost, and those whom time alone has made an account suit: to the first of those that are set
-- aside (see `acquire`), and of all others.
local function call_waiting(routes)
  if not someone_waits() then return end
  for _, route in ipairs(routes) do
    for _, priority in ipairs(redis.call('ZRANGE', key('route', route, 'priorities'), 0, -1)) do
      local ready = place_key(route, 'ready', priority)
      for _, name in ipairs(redis.call('ZRANGEBYSCORE', ready, '-inf', '(0', 'LIMIT', 0, 8)) do offer_again(name) end
      for _, name in ipairs(redis.call('ZRANGEBYSCORE', ready, 0, '+inf', 'LIMIT', 0, 8)) do offer_again(name) end
    end
    for _, ticket in ipairs(redis.call('ZRANGE', key('route', route, 'queue'), 0, 31)) do
      local only = redis.call('HGET', key('ticket', ticket), 'only')
      if only and only ~= '' then offer_again(only) end -- who is ready may stand behind others
    end
  end
end

-- Gives a ticket its place in the queue for so many milliseconds, or leaves it there for so long. `wish` is as in `suits`.
local function queue_up(ticket, routes, wish, patience)
  local entry, lives = key('ticket', ticket), patience + AGAIN
  local number = redis.call('HGET', entry, 'number') or redis.call('INCR', key('tickets'))
  -- One that was called in vain is not called again at once.
  redis.call('HSETNX', entry, 'again', '0')
  redis.call('HSET', entry,
    'number', number, 'routes', cjson.encode(routes), 'wish', cjson.encode(wish), 'only', wish[4])
  redis.call('PEXPIRE', entry, int(lives))
  for _, route in ipairs(routes) do
    local queue = key('route', route, 'queue')
    redis.call('ZADD', queue, number, ticket)
    -- Nobody looks for the tickets of dead workers in queues that belong to one client.
    if redis.call('PTTL', queue) < lives then redis.call('PEXPIRE', queue, int(lives)) end
  end
  if redis.call('PTTL', key('waiting')) < lives then redis.call('SET', key('waiting'), '1', 'PX', int(lives)) end
end

-- Gives up the place that is kept for a ticket. Returns the account's name, for it to be offered to others, or nil.
local function give_up_place(ticket)
  local name = redis.call('HGET', key('ticket', ticket), 'called_to')
  if not name then return nil end
  redis.call('HDEL', key('ticket', ticket), 'called_to')
  redis.call('ZREM', key('called', name), ticket)
  return name
end

-- Tears a ticket up. Returns what `give_up_place` does.
local function forget_ticket(ticket)
  local name = give_up_place(ticket)
  local routes = redis.call('HGET', key('ticket', ticket), 'routes')
  for _, route in ipairs(routes and cjson.decode(routes) or {}) do
    redis.call('ZREM', key('route', route, 'queue'), ticket)
  end
  redis.call('DEL', key('ticket', ticket))
  return name
end

-- Those who wait for an account of their own may have no other to wait for: they ask again.
local function rouse_owner(a)
  for _, route in ipairs(a.owner ~= '' and a.routes or {}) do
    for _, ticket in ipairs(redis.call('ZRANGE', key('route', route, 'queue'), 0, 255)) do rouse(ticket) end
  end
end

-- A place that has become free is kept for the ticket that was called to it for GRACE milliseconds; a ticket that
-- did not come is called again after AGAIN.
local GRACE, AGAIN = 250, 1000

-- The queue of those who wait. A ticket stands in the queue of every route that it could be served by, by the number
-- that it was given once. Whoever is called to an account keeps a place of it free for a moment, so that nobody who has
-- just come overtakes. Nobody is called to an account that is not for him.

local someone = nil -- whether anybody waits, once that was asked
local function someone_waits()
  if someone == nil then someone = redis.call('EXISTS', key('waiting')) == 1 end
  return someone
end

-- How many places of an account are kept for tickets that were called just now.
local function kept_places(name)
  return redis.call('ZCOUNT', key('called', name), '(' .. int(NOW - GRACE), '+inf')
end

-- Until when an account refuses a model; nil where it does not.
local function refuses_until(name, model)
  local time = tonumber(redis.call('ZSCORE', key('refused', name), model) or '0')
  return time > NOW and time or nil
end

-- Whether an account can do what is wished: {model, names not to take, lines not to use, the only name that will do}.
local function suits(name, a, wish)
  local only = wish[4]
  if only ~= '' and only ~= name or refuses_until(name, wish[1]) then return false end
  for _, excluded in ipairs(wish[2]) do
    if excluded == name then return false end
  end
  for _, tripped in ipairs(wish[3]) do
    if tripped == a.line then return false end
  end
  return true
end

local function serves(a, routes)
  for _, route in ipairs(routes) do
    for _, served in ipairs(a.routes) do
      if served == route then return true end
    end
  end
  return false
end

local function rouse(ticket)
  redis.call('PUBLISH', key('freed', string.match(ticket, '^[^.]*')), ticket)
end

-- Has some of a kind ask for themselves: the first four, and of many four by chance.
local function rouse_some(kind)
  local tickets, roused = tickets_of(kind), {}
  local some = {unpack(tickets, 1, 4)}
  for _, ticket in ipairs(tickets[5] and any_tickets(kind, 4) or {}) do some[#some + 1] = ticket end
  for _, ticket in ipairs(some) do
    if not ticket.gone and not roused[ticket] then rouse(ticket.name) end
    roused[ticket] = true
  end
end

local function call(ticket, kind, name)
  local called, again = key('called', name), int(NOW + AGAIN)
  effort = effort - 2
  redis.call('ZREMRANGEBYSCORE', called, '-inf', int(NOW - GRACE))
  redis.call('ZADD', called, int(NOW), ticket)
  redis.call('PEXPIRE', called, AGAIN)
  redis.call('HSET', key('ticket', ticket), 'again', again, 'called_to', name)
  redis.call('ZADD', queue_of(kind), again, ticket)
  rouse(ticket)
end

-- Whether a ticket names an account, or its line (both as JSON), among those that will not do. It may name hundreds, and
-- is not decoded for that: they are the texts between the model and the only name that will do.
local function rules_out(ticket, wish, name, line)
  local from, to = #cjson.encode(wish.model) + 2, #ticket.wish - #cjson.encode(wish.only)
  effort = effort - 0.1 - #ticket.wish / 32768
  local named = string.find(ticket.wish, name, from, true)
  if named and named < to then return true end
  local tripped = string.find(ticket.wish, line, from, true)
  return tripped ~= nil and tripped < to
end

-- Calls as many to an account that is ready as it has places, first come, first served, as far as half of the effort
-- reaches. The other half is for kinds behind, from any of them on: else those would be starved whom the account
-- suits, and newcomers served, for as long as tickets stand in front that do not take it.
local function offer(name, a)
  if not someone_waits() then return end
  local places = limit_of(a) - a.in_flight - kept_places(name)
  if places <= 0 then return end
  for _, route in ipairs(a.routes) do adopt(route, 4) end
  local kinds, name_text, line_text = kinds_for(name, a), cjson.encode(name), cjson.encode(a.line)
  local share, half = math.max(8, effort / math.max(1, #kinds)), effort / 2
  local found, at = {}, 1 -- kinds of which a ticket was found, by its number; and the first one that was not looked at

  local function find(each)
    each.ticket = first_of(each.kind, each.index, share, function(ticket)
      return not rules_out(ticket, wish_of(each.kind), name_text, line_text)
    end)
    raise(each)
    if not each.ticket or not serves(a, cjson.decode(each.ticket.routes)) then return end
    local i = #found + 1
    while i > 1 and found[i - 1].ticket.number > each.ticket.number do i = i - 1 end
    table.insert(found, i, each)
  end

  local function call_first()
    local each = table.remove(found, 1)
    pass_out(each.ticket, tickets_of(each.kind))
    call(each.ticket.name, each.kind, name)
    places = places - 1
    return each
  end

  while places > 0 do
    local may_look = kinds[at] and effort > half
    if may_look and not (found[1] and found[1].ticket.number < kinds[at].number) then
      at = at + 1
      find(kinds[at - 1])
    elseif found[1] then
      local each = call_first()
      if places > 0 and effort > (kinds[at] and half or 0) then find(each) end
    else
      break
    end
  end
  local others = #kinds - at + 1
  local from = any_of(others)
  for i = 0, others - 1 do
    if places <= 0 or effort <= 0 then break end
    find(kinds[at + (from + i) % others])
    if found[1] then call_first() end
  end
end

local function offer_again(name)
  local a = name and read(name)
  if a and a.place == 'ready' then offer(name, a) end
end

local function offer_each(names)
  for _, name in ipairs(names) do
    effort = effort - 1
    if effort > 0 then offer_again(name) end
  end
end

-- Calls those whose call was lost, and those whom time alone has made an account suit: to those whose refusals are over
-- (see `acquire`), and to some by chance. Where more are ready, some of some kinds ask for themselves.
local function call_waiting(routes)
  if not someone_waits() then return end
  for _, route in ipairs(routes) do
    adopt(route, 32)
    local index, wanted, more, ready = indexes_of({route}, '')[1], key('route', route, 'wanted'), false, {}
    local kinds = redis.call('ZRANDMEMBER', index, 16)
    for _, priority in ipairs(kinds[1] and redis.call('ZRANGE', key('route', route, 'priorities'), 0, -1) or {}) do
      local there = place_key(route, 'ready', priority)
      ready[#ready + 1] = redis.call('ZRANGE', there, int(REFUSING), int(REFUSING + NOW), 'BYSCORE', 'LIMIT', 0, 8)
      ready[#ready + 1] = redis.call('ZRANDMEMBER', there, 8)
      more = more or #ready[#ready] == 8
    end
    local alive = {} -- seen to before offers take the effort
    for _, kind in ipairs(kinds) do
      if first_of(kind, index, 8, function() return true end) then alive[#alive + 1] = kind end
    end
    for _, names in ipairs(ready) do offer_each(names) end
    for _, kind in ipairs(more and alive or {}) do rouse_some(kind) end
    local names = redis.call('SRANDMEMBER', wanted, 16)
    for _, name in ipairs(names) do
      if redis.call('EXISTS', key('wanted', name)) == 0 then redis.call('SREM', wanted, name) end
    end
    offer_each(names)
  end
end

-- Gives a ticket its place in the queue for so many milliseconds, or leaves it there for so long. `wish` is as in
-- `suits`.
local function queue_up(ticket, routes, wish, patience)
  local entry, lives = key('ticket', ticket), patience + AGAIN
  local texts = {cjson.encode(routes), cjson.encode(wish)}
  local number, before = unpack(redis.call('HMGET', entry, 'number', 'kind'))
  number = number or next_number()
  local kind = kind_of(texts[1], wish[1], wish[4])
  if before and before ~= kind then leave_kind(before, routes, ticket) end
  -- One that was called in vain is not called again at once.
  redis.call('HSETNX', entry, 'again', '0')
  -- `only` is read by processes of 0.1.0, which may serve the same queue.
  redis.call('HSET', entry, 'number', number, 'routes', texts[1], 'wish', texts[2], 'only', wish[4])
  enter_kind(kind, routes, ticket, number, lives)
  redis.call('PEXPIRE', entry, int(lives))
  for _, route in ipairs(routes) do
    local queue = key('route', route, 'queue')
    redis.call('ZADD', queue, number + OF_A_KIND, ticket)
    lives_on(queue, lives)
  end
  someone = true
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
  local routes, kind = unpack(redis.call('HMGET', key('ticket', ticket), 'routes', 'kind'))
  routes = routes and cjson.decode(routes) or {}
  for _, route in ipairs(routes) do redis.call('ZREM', key('route', route, 'queue'), ticket) end
  if kind then leave_kind(kind, routes, ticket) end
  redis.call('DEL', key('ticket', ticket))
  return name
end

-- Those who wait for an account of their own may have no other to wait for: they ask again.
local function rouse_owner(a)
  for _, route in ipairs(a.owner ~= '' and a.routes or {}) do
    for _, ticket in ipairs(redis.call('ZRANGE', key('route', route, 'queue'), 0, 255)) do rouse(ticket) end
  end
end

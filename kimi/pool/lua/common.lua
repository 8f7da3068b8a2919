-- Shared by every script of the pool; `store.py` puts this text in front of each of them.
-- KEYS[1] is the prefix of all keys (one hash tag, so that a cluster keeps them together).
-- ARGV[1] is the time in milliseconds, or 0 for the server's own clock: one clock for all replicas.

local PREFIX = KEYS[1]
local NOW = tonumber(ARGV[1])
if NOW == 0 then
  local time = redis.call('TIME')
  NOW = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- Who is ready stands by his turn: virtual time, of which a lease takes STRIDE / weight. Shares go by weight so, however
-- many requests run at once. Doubles are exact to 53 bits, which billions of leases do not use up.
local STRIDE = 1000000

-- A time that is past by every clock: the refresher's may be behind this one.
local AT_ONCE = '0'
-- How long the credential of an account that was taken out is kept for another name: as long as refresh tokens live.
local KEEP = 90 * 86400000
-- A place that has become free is kept for the ticket that was called to it for GRACE milliseconds; a ticket that
-- did not come is called again after AGAIN.
local GRACE, AGAIN = 250, 1000
-- Where the refresh tokens before the stored one stand, newest first, until the access token beside that was good once.
local PREVIOUS = {'previous', 'previous2', 'previous3', 'previous4'}

local function key(...)
  return PREFIX .. table.concat({...}, ':')
end

-- Lua's own number format keeps 14 digits only, and writes large numbers as 1e+15.
local function int(number)
  return string.format('%.0f', number)
end

local function read(name)
  local fields = {
    'present', 'state', 'access', 'expires', 'rejected', 'cool_until', 'rate_until', 'in_flight',
    'limit', 'weight', 'priority', 'turn', 'place', 'placed_priority', 'routes', 'version', 'rate', 'spec',
    'fingerprint', 'refresh', 'models', 'line', 'strikes', 'struck', 'strike_kind', 'owner',
  }
  local values = redis.call('HMGET', key('account', name), unpack(fields))
  if not values[1] then return nil end
  local a = {}
  for i, field in ipairs(fields) do a[field] = values[i] or '' end
  for _, field in ipairs({
    'expires', 'cool_until', 'rate_until', 'in_flight', 'limit', 'weight', 'turn', 'rate', 'strikes', 'struck',
  }) do
    a[field] = tonumber(a[field]) or 0
  end
  a.routes = cjson.decode(a.routes)
  return a
end

-- Whether the account of this spec has an official key, which stays what it is.
local function is_key(spec)
  return cjson.decode(spec).kind == 'moonshot'
end

-- Notes that an account is no longer what it was, for those who keep a copy.
local function changed(name)
  redis.call('ZADD', key('changed'), redis.call('INCR', key('changes')), name)
end

-- After a failure an account is half open: one request tries it, and the others come once that one was served.
local function limit_of(a)
  return a.strikes > 0 and 1 or a.limit
end

-- The furthest turn that was taken in one priority of these routes: who comes late starts there, and not at nought.
-- Every queue has a time of its own, or busy routes would carry the idle ones along and level their weights.
local function virtual_time(routes, priority)
  local latest = 0
  for _, route in ipairs(routes) do
    latest = math.max(latest, tonumber(redis.call('HGET', key('route', route, 'turns'), priority) or '0'))
  end
  return latest
end

-- Where accounts of a route stand that are in that place; those that are ready stand apart by priority.
local function place_key(route, place, priority)
  if place == 'ready' then return key('route', route, place, priority) end
  return key('route', route, place)
end

local function leave(name, a)
  if a.place == '' then return end
  for _, route in ipairs(a.routes) do redis.call('ZREM', place_key(route, a.place, a.placed_priority), name) end
end

-- Whether nothing speaks for what a hash holds: its access token was refused, or none came with its refresh token.
local function is_doubted(hash)
  local rejected, alone, version = unpack(redis.call('HMGET', hash, 'rejected', 'alone', 'version'))
  return rejected == '1' or (alone and alone == version)
end

local function forget_previous(hash)
  redis.call('HDEL', hash, unpack(PREVIOUS))
end

-- Puts a refresh token in the place of the one that a hash holds. That stays behind it, and where nothing speaks for that,
-- those before it stay too: should it be none of the vendor's, one of them is the last that was. `spent` is which of
-- them the new one was given for; whatever came after that was none.
local function succeed(hash, refresh, spent)
  local before, words = {}, {'refresh', refresh}
  local earlier = is_doubted(hash) and PREVIOUS or {}
  for _, token in ipairs(redis.call('HMGET', hash, 'refresh', unpack(earlier))) do
    if not token or token == '' then break end
    if token == spent then before = {} end
    before[#before + 1] = token
  end
  -- Of many the middle goes: the oldest were good as a rule, and the newest may be.
  if #before > #PREVIOUS then table.remove(before, 3) end
  for i, field in ipairs(PREVIOUS) do
    words[#words + 1] = field
    words[#words + 1] = before[i] or ''
  end
  redis.call('HSET', hash, unpack(words))
end

-- What may be tried behind the refresh token of one hash goes with it to another; the access token does not.
local function hand_on_previous(from, to)
  local words = {'rejected', is_doubted(from) and '1' or '0'}
  for i, token in ipairs(redis.call('HMGET', from, unpack(PREVIOUS))) do
    words[#words + 1] = PREVIOUS[i]
    words[#words + 1] = token or ''
  end
  redis.call('HSET', to, unpack(words))
end

local function in_service(a)
  return a.present == '1' and (a.state == 'active' or a.state == 'new')
end

local function has_good_token(a)
  return a.access ~= '' and a.rejected ~= '1' and a.expires > NOW
end

-- When an account is refreshed next. One that is out of service never is: it would be found due for ever.
local function schedule(name, a, due)
  if in_service(a) then
    redis.call('ZADD', key('refresh'), due, name)
  else
    redis.call('ZREM', key('refresh'), name)
  end
end

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

local function refuses(name, model)
  return tonumber(redis.call('ZSCORE', key('refused', name), model) or '0') > NOW
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
  return not refuses(name, wish[1])
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
        local again, wish = unpack(redis.call('HMGET', key('ticket', ticket), 'again', 'wish'))
        if not again then
          redis.call('ZREM', queue, ticket) -- its holder is gone
        else
          from = from + 1
          if more > 0 and tonumber(again) <= NOW then
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

-- Calls those whose call was lost, and those whom time alone has made an account suit.
local function call_waiting(routes)
  if not someone_waits() then return end
  for _, route in ipairs(routes) do
    for _, priority in ipairs(redis.call('ZRANGE', key('route', route, 'priorities'), 0, -1)) do
      for _, name in ipairs(redis.call('ZRANGE', place_key(route, 'ready', priority), 0, 7)) do offer_again(name) end
    end
    for _, ticket in ipairs(redis.call('ZRANGE', key('route', route, 'queue'), 0, 31)) do
      local only = redis.call('HGET', key('ticket', ticket), 'only')
      if only and only ~= '' then offer_again(only) end -- who is ready may stand behind others
    end
  end
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

-- Puts an account where its state says it belongs, in every route it serves:
--   pending   in service, but without an access token that is good now
--   cooling   not before a certain time
--   full      as many leases as it may have
--   ready     the next lease may take it; ordered by turn (fair queueing by weight)
-- or nowhere, when it is dead, banned, paused or no longer configured.
local function settle(name, a)
  a = a or read(name)
  if not a then return end
  leave(name, a)
  local place = ''
  local serves = in_service(a)
  local token_good = has_good_token(a)
  local until_time = math.max(a.cool_until, a.rate_until)
  if serves and not token_good then place = 'pending'
  elseif serves and until_time > NOW then place = 'cooling'
  elseif serves and a.in_flight >= limit_of(a) then place = 'full'
  elseif serves then place = 'ready'
  end
  if serves and token_good and a.owner == '' then
    redis.call('ZADD', key('usable'), int(a.expires), name)
  else
    redis.call('ZREM', key('usable'), name)
  end
  local score = 0
  if place == 'cooling' then
    score = until_time
  elseif place == 'ready' then
    a.turn = math.max(a.turn, virtual_time(a.routes, a.priority))
    score = a.turn
  end
  for _, route in ipairs(place ~= '' and a.routes or {}) do
    redis.call('ZADD', place_key(route, place, a.priority), int(score), name)
    if place == 'ready' then redis.call('ZADD', key('route', route, 'priorities'), a.priority, a.priority) end
  end
  redis.call('HSET', key('account', name),
    'place', place, 'placed_priority', a.priority, 'turn', int(a.turn), 'in_flight', int(a.in_flight))
  a.place = place
  a.placed_priority = a.priority
  if place == 'ready' then offer(name, a) end
end

local function public_routes_of(a)
  local spec, models, routes = cjson.decode(a.spec), cjson.decode(a.models), {}
  if spec.kind == 'moonshot' then
    -- What the operator names goes before what the key was found to list.
    if #spec.models > 0 then models = spec.models end
  else
    routes[1] = spec.kind
    -- Until an account of this kind has told its list, it may have any model that we know.
    if spec.kind == 'kimi' and #models == 0 then models = {'*'} end
  end
  for _, model in ipairs(models) do routes[#routes + 1] = spec.kind .. ':' .. model end
  return routes
end

-- An account with an owner serves along routes of its own, which nobody else asks for.
local function routes_of(a)
  local routes = public_routes_of(a)
  if a.owner == '' then return routes end
  for i, route in ipairs(routes) do routes[i] = route .. '@' .. a.owner end
  return routes
end

-- Enters the account with every route it serves, whatever its state, so that a model stays known while nobody can
-- serve it. To be followed by `settle`.
local function set_routes(name, a)
  leave(name, a)
  a.place = ''
  local before, serves = a.routes, {}
  a.routes = routes_of(a)
  redis.call('HSET', key('account', name), 'routes', cjson.encode(a.routes))
  for _, route in ipairs(a.present == '1' and a.routes or {}) do
    serves[route] = true
    redis.call('SADD', key('route', route, 'members'), name)
    if a.owner == '' then redis.call('SADD', key('routes'), route) end
  end
  for _, route in ipairs(before) do
    if not serves[route] then
      redis.call('SREM', key('route', route, 'members'), name)
      if redis.call('EXISTS', key('route', route, 'members')) == 0 then
        redis.call('SREM', key('routes'), route)
        for _, of in ipairs({'priorities', 'turns', 'queue'}) do redis.call('DEL', key('route', route, of)) end
      end
    end
  end
end

-- Which account that serves everybody has the credential of a fingerprint; nil for none.
local function holder_of(fingerprint)
  local name = redis.call('HGET', key('holders'), fingerprint)
  local known = name and redis.call('HMGET', key('account', name), 'fingerprint', 'present') or {}
  return known[1] == fingerprint and known[2] == '1' and name or nil
end

local function let_go(name, a)
  if redis.call('HGET', key('holders'), a.fingerprint) == name then redis.call('HDEL', key('holders'), a.fingerprint) end
end

-- How much of the traffic an account takes. To be followed by `settle`.
local function set_limits(name, limit, rate, weight, priority)
  local account = key('account', name)
  redis.call('HSET', account, 'limit', limit, 'rate', rate, 'weight', weight, 'priority', priority)
  -- What it has served of late may be less than it may serve from now on.
  if tonumber(rate) == 0 or redis.call('LLEN', key('recent', name)) < tonumber(rate) then
    redis.call('HSET', account, 'rate_until', '0')
  end
end

-- Those who wait for an account of their own may have no other to wait for: they ask again.
local function rouse_owner(a)
  for _, route in ipairs(a.owner ~= '' and a.routes or {}) do
    for _, ticket in ipairs(redis.call('ZRANGE', key('route', route, 'queue'), 0, 255)) do rouse(ticket) end
  end
end

-- Takes an account out of service because it is no longer configured, or not with this credential. Nothing of it is
-- forgotten: whoever is configured with the same secret from now on goes on with what has become of it. An account of
-- somebody's own never takes the place of what is kept of another.
local function withdraw(name, a)
  a.present = '0'
  redis.call('HSET', key('account', name), 'present', '0')
  redis.call('ZADD', key('gone'), int(NOW), name)
  local kept = key('kept', a.fingerprint)
  if a.owner == '' or (redis.call('HGET', kept, 'name') or name) == name then
    redis.call('HSET', kept, 'name', name, 'version', a.version, 'refresh', a.refresh)
    hand_on_previous(key('account', name), kept)
    redis.call('PEXPIRE', kept, KEEP)
  end
  let_go(name, a)
  schedule(name, a)
  set_routes(name, a)
  settle(name, a)
  changed(name)
end

-- Forgets an account that was withdrawn. What is kept of its secret has an expiry of its own.
local function erase(name)
  let_go(name, {fingerprint = redis.call('HGET', key('account', name), 'fingerprint') or ''})
  redis.call('DEL', key('account', name), key('recent', name), key('refused', name))
  redis.call('SREM', key('accounts'), name)
  for _, names_by in ipairs({'gone', 'refresh', 'usable', 'changed', 'private'}) do
    redis.call('ZREM', key(names_by), name)
  end
end

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

-- What time alone has changed since the last call. Bounded, so that no caller pays for all of it.
local function catch_up(routes)
  for _, lease in ipairs(redis.call('ZRANGEBYSCORE', key('leases'), '-inf', int(NOW), 'LIMIT', 0, 50)) do
    local name, a = give_back(lease)
    if name then settle(name, a) end
    redis.call('INCR', key('leases:expired'))
  end
  for _, route in ipairs(routes) do
    local cooling = place_key(route, 'cooling')
    for _, name in ipairs(redis.call('ZRANGEBYSCORE', cooling, '-inf', int(NOW), 'LIMIT', 0, 50)) do
      redis.call('ZREM', cooling, name) -- also of an account that Redis has lost, which leaves nothing else behind
      settle(name)
    end
  end
end

-- Records where a conversation can be continued, and from when on somebody is to delete its chat if nobody does.
-- Takes the key of the conversation, its chat with name, the id of the last message, the milliseconds that the record
-- lives, those until the chat may be deleted (none: never), the same for one that nobody can continue any more,
-- another key of the conversation ('' for none), which leads to the first one, and the key by which it was found before
-- where that is another one ('' otherwise): nobody continues it from there any more.
local function keep_conversation(of, chat, message_id, lives, due, replaced_due, also, was)
  local record = key('conversation', of)
  local before = redis.call('GET', record)
  local replaced = before and cjson.decode(before)[1]
  if replaced and replaced ~= chat and also ~= '' then
    of, also = also, '' -- both can be continued: that one by its words, this one by a key of its own
    record = key('conversation', of)
  elseif replaced and replaced ~= chat then
    redis.call('SET', key('replaced', replaced), '', 'PX', math.max(1, redis.call('PTTL', record)))
    redis.call('ZADD', key('chats'), 'XX', 'LT', int(NOW + tonumber(replaced_due)), replaced)
  end
  redis.call('DEL', key('continued', of), key('continued', was))
  redis.call('SET', record, cjson.encode({chat, message_id}), 'PX', lives)
  if also ~= '' then redis.call('SET', key('conversation', also), cjson.encode({chat = chat, of = of}), 'PX', lives) end
  due = tonumber(due)
  if due then
    redis.call('ZADD', key('chats'), int(NOW + due), chat)
    redis.call('ZADD', key('chats', 'opened'), int(NOW), chat) -- one that is used is as good as new
  end
end

-- What is known of a client key: {id, name, its beginning, digest, created, revoked, requests a minute, tokens a day,
-- concurrent, models (JSON)}, where nothing is none; nil where there is no such key.
local function client_row(id)
  local row = redis.call('HMGET', key('client', id), 'name', 'prefix', 'digest', 'created', 'revoked',
    'requests_per_minute', 'tokens_per_day', 'concurrent', 'models')
  if not row[1] then return nil end
  table.insert(row, 1, id)
  return row
end

-- Notes that a client key is no longer what it was, for those who keep a copy.
local function client_changed(id)
  redis.call('ZADD', key('clients'), redis.call('INCR', key('clients:changes')), id)
end

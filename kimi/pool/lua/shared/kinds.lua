-- Thousands of tickets are few kinds of wishes: what routes, which model, and whether only one account will do. So each
-- kind has a queue of its own beside those of the routes, and the kinds stand in indexes, where those look who are free:
--   wish:DIGEST      the tickets of a kind by their numbers; those that were called stand behind, by the time from when
--                    on they may be called again
--   route:R:wishes   the kinds by a number that is not above that of any ticket of theirs
--   wanted:NAME      the same of wishes that only one account will do for, and of those along a route of its own
--   route:R:wanted   the names of accounts that alone will do
-- The names that a ticket does not take, and the lines that are down for it, are its own: they differ from one to the next.

-- What one script does at the most for those who wait, whatever it sets free: tickets that are looked at and calls, of
-- which each takes some commands. Kinds that do not suit are passed by without any. So many kinds are read that stand
-- first, and as many by chance; of tickets of one kind so many that stand first, and as many by chance as effort allows.
local effort = 128
local MOST_KINDS, MOST_TICKETS = 128, 24

local CALLED = 1e12 -- from here on a score is a time, and no number

-- What this script has read: the kinds of an index, the tickets of a kind, what it is that is wished.
local indexed, queues, wishes = {}, {}, {}

-- What tickets of one kind have in common; a text, of texts.
local function kind_of(routes, model, only)
  return redis.sha1hex(routes) .. cjson.encode({model, only})
end

local function wish_of(kind)
  if not wishes[kind] then
    local model, only = unpack(cjson.decode(string.sub(kind, 41)))
    wishes[kind] = {model = model, only = only}
  end
  return wishes[kind]
end

local function queue_of(kind)
  return key('wish', redis.sha1hex(kind))
end

-- The first kinds of an index, with their numbers, and of more some by chance behind these: nobody is overlooked for ever.
local function some_kinds(index)
  local found = redis.call('ZRANGE', index, 0, MOST_KINDS - 1, 'WITHSCORES')
  local others = #found == 2 * MOST_KINDS and redis.call('ZRANDMEMBER', index, MOST_KINDS, 'WITHSCORES') or {}
  for _, each in ipairs(others) do found[#found + 1] = each end
  return found
end

-- The indexes of a kind of wish along these routes, for only one account or ('') for any.
local function indexes_of(routes, only)
  if only ~= '' then return {key('wanted', only)} end
  local indexes, known = {}, {}
  for _, route in ipairs(routes) do
    local owner = string.match(route, '@([^@]*)$')
    local index = owner and key('wanted', owner) or key('route', route, 'wishes')
    if not known[index] then indexes[#indexes + 1], known[index] = index, true end
  end
  return indexes
end

-- Has a queue, or an index, end some time behind the last of its tickets: those of dead workers are not looked for in
-- all of them.
local function lives_on(name, milliseconds)
  redis.call('PEXPIRE', name, int(3600000 + milliseconds))
end

local function enter_kind(kind, routes, ticket, number, lives)
  local only = wish_of(kind).only
  indexed, queues = {}, {}
  redis.call('HSET', key('ticket', ticket), 'kind', kind)
  redis.call('ZADD', queue_of(kind), number, ticket)
  lives_on(queue_of(kind), lives)
  for _, index in ipairs(indexes_of(routes, only)) do
    redis.call('ZADD', index, 'LT', number, kind)
    lives_on(index, lives)
  end
  for _, route in ipairs(only ~= '' and routes or {}) do
    redis.call('SADD', key('route', route, 'wanted'), only)
    lives_on(key('route', route, 'wanted'), lives)
  end
end

local function leave_kind(kind, routes, ticket)
  queues[kind] = nil
  redis.call('ZREM', queue_of(kind), ticket)
  if redis.call('EXISTS', queue_of(kind)) == 1 then return end
  for _, index in ipairs(indexes_of(routes, wish_of(kind).only)) do redis.call('ZREM', index, kind) end
end

-- What of a kind's queue was read: the first tickets in their order, and under `named` these and others. What stands in a
-- ticket is read when it is looked at.
local function note_ticket(tickets, name, number)
  number = tonumber(number)
  tickets.named[name] = tickets.named[name] or {name = name, number = number, gone = number >= CALLED}
  return tickets.named[name]
end

local function tickets_of(kind)
  if queues[kind] then return queues[kind] end
  local queue = queue_of(kind)
  effort = effort - 2
  -- Those who did not come in time stand by their numbers again.
  for _, ticket in ipairs(redis.call('ZRANGEBYSCORE', queue, CALLED, int(NOW), 'LIMIT', 0, 8)) do
    local number = redis.call('HGET', key('ticket', ticket), 'number')
    effort = effort - 1
    if number then
      redis.call('HDEL', key('ticket', ticket), 'called_to')
      redis.call('ZADD', queue, number, ticket)
    else
      redis.call('ZREM', queue, ticket)
    end
  end
  local page, tickets = redis.call('ZRANGE', queue, 0, MOST_TICKETS - 1, 'WITHSCORES'), {named = {}}
  for i = 1, #page, 2 do tickets[#tickets + 1] = note_ticket(tickets, page[i], page[i + 1]) end
  queues[kind] = tickets
  return tickets
end

-- So many tickets of a kind by chance, however far behind.
local function any_tickets(kind, most)
  local tickets, found = tickets_of(kind), {}
  local page = redis.call('ZRANDMEMBER', queue_of(kind), int(most), 'WITHSCORES')
  effort = effort - 1
  for i = 1, #page, 2 do found[#found + 1] = note_ticket(tickets, page[i], page[i + 1]) end
  return found
end

-- Has a ticket's place in what was read of its kind left empty.
local function pass_out(ticket, tickets)
  ticket.gone, tickets.stale = true, true
end

-- Reads a ticket, unless that was done, and takes it out where it may not be called.
local function read_ticket(ticket, tickets, kind)
  if ticket.wish then return end
  local queue, again = queue_of(kind), nil
  again, ticket.wish, ticket.routes = unpack(redis.call('HMGET', key('ticket', ticket.name), 'again', 'wish', 'routes'))
  effort = effort - 1
  if again and tonumber(again) <= NOW then return end
  pass_out(ticket, tickets)
  if again then
    redis.call('ZADD', queue, again, ticket.name) -- called in vain, or by a process of an older release
  else
    redis.call('ZREM', queue, ticket.name) -- its holder is gone
  end
end

-- Has a kind stand in an index by the first of its tickets that is left; where one was called, it may come back with a
-- lower number.
local function raise(each)
  local first = tickets_of(each.kind)[1]
  if not first or first.number <= each.number or first.number >= CALLED then return end
  effort = effort - 1
  if redis.call('ZCOUNT', queue_of(each.kind), CALLED, '+inf') > 0 then return end
  redis.call('ZADD', each.index, 'XX', int(first.number), each.kind)
  each.number = first.number
end

-- The first ticket of a kind that `fits`, found with no more than so much effort; nil for none. Where many stand in front
-- that do not fit, half of the effort and what is left of it is for any.
local function first_of(kind, index, most, fits)
  local had, at, tickets = effort, 1, tickets_of(kind)
  local function will_do(ticket)
    if not ticket.gone then read_ticket(ticket, tickets, kind) end
    return not ticket.gone and fits(ticket)
  end
  while effort > math.max(0, had - most / 2) do
    if at > #tickets and tickets.stale then -- others have become the first ones
      queues[kind] = nil
      at, tickets = 1, tickets_of(kind)
    end
    if not tickets[at] then break end
    if will_do(tickets[at]) then return tickets[at] end
    at = at + 1
  end
  if not tickets[1] then redis.call('ZREM', index, kind) end -- nobody is left of it
  local enough = math.max(0, had - most)
  if effort <= enough or at > #tickets and #tickets < MOST_TICKETS then return nil end
  for _, ticket in ipairs(any_tickets(kind, math.ceil(effort - enough))) do
    if effort <= enough then return nil end
    if will_do(ticket) then return ticket end
  end
end

-- The kinds of wishes that stand where an account is looked for and whose model it does not refuse, those first that have
-- waited longest.
local function kinds_for(name, a)
  local found, known, indexes = {}, {}, indexes_of(a.routes, a.owner)
  if a.owner == '' then indexes[#indexes + 1] = key('wanted', name) end
  local refused = {}
  for _, model in ipairs(redis.call('ZRANGEBYSCORE', key('refused', name), '(' .. int(NOW), '+inf')) do
    refused[model] = true
  end
  for _, index in ipairs(indexes) do
    indexed[index] = indexed[index] or some_kinds(index)
    for j = 1, #indexed[index], 2 do
      local kind = indexed[index][j]
      if not known[kind] and not refused[wish_of(kind).model] then
        known[kind] = true
        found[#found + 1] = {kind = kind, index = index, number = tonumber(indexed[index][j + 1])}
      end
    end
  end
  table.sort(found, function(one, other) return one.number < other.number end)
  return found
end

-- So much a ticket's score in the queue of a route is above its number. Older releases, which know of no kinds, add none.
local OF_A_KIND = 0.5

-- Each ticket has the next number. Where the last one is not the last of ours, a process of an older release has queued.
local ELDERS = 3600000 -- for so many milliseconds their tickets are looked for then

local function note_elders()
  redis.call('SET', key('tickets', 'elders'), '1', 'PX', ELDERS)
end

local function next_number()
  local number = redis.call('INCR', key('tickets'))
  local before = redis.call('SET', key('tickets', 'ours'), int(number), 'GET')
  if tonumber(before or '0') ~= number - 1 then note_elders() end
  return number
end

local elders = nil -- whether any have queued of late, once that was asked
local function have_elders()
  if elders == nil then
    local last, ours, known = unpack(redis.call('MGET', key('tickets'), key('tickets', 'ours'), key('tickets', 'elders')))
    elders = known or last ~= ours
    if last ~= ours then
      note_elders()
      redis.call('SET', key('tickets', 'ours'), last or '0')
    end
  end
  return elders
end

-- Enters so many of the next tickets of a route that processes of an older release have queued.
local adopted = {} -- the routes along which this script has done so
local function adopt(route, most)
  if adopted[route] or not have_elders() then return end
  adopted[route], effort = true, effort - 1
  local mark, queue = key('route', route, 'adopted'), key('route', route, 'queue')
  local from = redis.call('GET', mark) or '0'
  local page = redis.call('ZRANGEBYSCORE', queue, '(' .. from, '+inf', 'WITHSCORES', 'LIMIT', 0, 8 * most)
  for i = 1, #page, 2 do
    local ticket, number = page[i], page[i + 1]
    if tonumber(number) % 1 == 0 then
      local routes, wish, kind = unpack(redis.call('HMGET', key('ticket', ticket), 'routes', 'wish', 'kind'))
      if wish and not kind then
        local model, lives = cjson.decode(wish)[1], redis.call('PTTL', key('ticket', ticket))
        enter_kind(kind_of(routes, model, ''), cjson.decode(routes), ticket, number, lives)
      end
      most = most - 1
    end
    from = number
    if most == 0 then break end
  end
  if page[1] then redis.call('SET', mark, from, 'PX', 86400000) end
end

-- Thousands of tickets are few kinds of wishes, and an account suits all of a kind or none. So each kind has a queue of
-- its own beside those of the routes, and the kinds stand in indexes, where those look who are free:
--   wish:DIGEST      the tickets of a kind by their numbers; those that were called stand behind, by the time from when
--                    on they may be called again
--   route:R:wishes   the kinds by a number that is not above that of any ticket of theirs
--   wanted:NAME      the same of wishes that only one account will do for, and of those along a route of its own
--   route:R:wanted   the names of accounts that alone will do

-- What one script does at the most for those who wait, whatever it sets free: kinds that are looked into and calls, of
-- which each takes some commands. Kinds that do not suit are passed by without any, so many of each route.
local effort, MOST_KINDS = 128, 256

local CALLED = 1e12 -- from here on a score is a time, and no number

-- What this script has read of kinds: those of an index, the first ticket of one, what it is that is wished.
local indexed, firsts, wishes = {}, {}, {}

-- What tickets of one kind have in common; both are texts.
local function kind_of(routes, wish)
  return redis.sha1hex(routes) .. wish
end

local function wish_of(kind)
  wishes[kind] = wishes[kind] or cjson.decode(string.sub(kind, 41))
  return wishes[kind]
end

local function queue_of(kind)
  return key('wish', redis.sha1hex(kind))
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
  local only = wish_of(kind)[4] or ''
  indexed, firsts = {}, {}
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
  firsts = {}
  redis.call('ZREM', queue_of(kind), ticket)
  if redis.call('EXISTS', queue_of(kind)) == 1 then return end
  for _, index in ipairs(indexes_of(routes, wish_of(kind)[4] or '')) do redis.call('ZREM', index, kind) end
end

-- The first ticket of a kind that may be called, its number and the routes (JSON) that it waits along; nil for none.
local function first_of(kind, index)
  local queue, first = queue_of(kind), firsts[kind]
  if first then return unpack(first) end
  first, effort = {}, effort - 1
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
  while effort > 0 do
    local ticket, number = unpack(redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES'))
    if not ticket then redis.call('ZREM', index, kind) end
    if not ticket or tonumber(number) > NOW then break end
    local again, routes = unpack(redis.call('HMGET', key('ticket', ticket), 'again', 'routes'))
    effort = effort - 1
    if not again then
      redis.call('ZREM', queue, ticket) -- its holder is gone
    elseif tonumber(again) > NOW then
      redis.call('ZADD', queue, again, ticket) -- called in vain, or by a process of an older release
    else
      first = {ticket, tonumber(number), routes}
      break
    end
  end
  firsts[kind] = first
  return unpack(first)
end

-- The kinds of wishes that stand where an account is looked for, those first that have waited longest.
local function kinds_for(name, a)
  local found, known, indexes = {}, {}, indexes_of(a.routes, a.owner)
  if a.owner == '' then indexes[#indexes + 1] = key('wanted', name) end
  for _, index in ipairs(indexes) do
    indexed[index] = indexed[index] or redis.call('ZRANGE', index, 0, MOST_KINDS - 1, 'WITHSCORES')
    for j = 1, #indexed[index], 2 do
      local kind = indexed[index][j]
      if not known[kind] then
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

-- Enters the next tickets of a route that a process of an older release has queued.
local function adopt(route)
  local mark, queue, most = key('route', route, 'adopted'), key('route', route, 'queue'), 32
  local from = redis.call('GET', mark) or '0'
  local page = redis.call('ZRANGEBYSCORE', queue, '(' .. from, '+inf', 'WITHSCORES', 'LIMIT', 0, 256)
  for i = 1, #page, 2 do
    local ticket, number = page[i], page[i + 1]
    if tonumber(number) % 1 == 0 then
      local routes, wish, kind = unpack(redis.call('HMGET', key('ticket', ticket), 'routes', 'wish', 'kind'))
      if wish and not kind then
        local lives = redis.call('PTTL', key('ticket', ticket))
        enter_kind(kind_of(routes, wish), cjson.decode(routes), ticket, number, lives)
      end
      most = most - 1
    end
    from = number
    if most == 0 then break end
  end
  if page[1] then redis.call('SET', mark, from, 'PX', 86400000) end
end

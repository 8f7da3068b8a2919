-- Accounts that are due stand in the queue of their line and class: those that somebody waits for are `asked`, those that
-- nobody has a token for yet `new`, and all others `old`. Beside them stand the lines of a class, each with its first.

-- Puts whoever has these ranks of `refresh`, is due and is not locked into the queue of his line; new ones at random.
local function sort_in(from, behind)
  local page = behind > from and redis.call('ZRANGE', key('refresh'), from, behind - 1, 'WITHSCORES') or {}
  local locks, by_place, heads = {}, {}, {}
  for i = 1, #page, 2 do locks[#locks + 1] = key('lock', page[i]) end
  for i, lock in ipairs(#locks > 0 and redis.call('MGET', unpack(locks)) or {}) do
    if not lock then
      local name, score = page[2 * i - 1], page[2 * i]
      local line = redis.call('HGET', key('account', name), 'line') or ''
      local class = tonumber(score) < 0 and 'asked' or score == AT_ONCE and 'new' or 'old'
      local place = key('due', class, line)
      local queue = by_place[place] or {class = class, line = line, first = math.huge, words = {'ZADD', place}}
      by_place[place] = queue
      if class == 'new' then score = int(any_of(1e9)) end
      queue.first = math.min(queue.first, tonumber(score))
      table.insert(queue.words, score)
      table.insert(queue.words, name)
    end
  end
  for _, queue in pairs(by_place) do
    redis.call(unpack(queue.words))
    heads[queue.class] = heads[queue.class] or {'ZADD', key('due', queue.class), 'LT'} -- others may stand before these
    table.insert(heads[queue.class], string.format('%.17g', queue.first))
    table.insert(heads[queue.class], queue.line)
  end
  for _, words in pairs(heads) do redis.call(unpack(words)) end
end

-- The same for those of the first `due` ranks whose turn it is, `most` at the most: of each class some in turn, and of
-- those asked for and of the overdue ones also the newest.
local function sort_in_some(due, most)
  if due <= most then return sort_in(0, due) end
  local asked = redis.call('ZCOUNT', key('refresh'), '-inf', '(' .. AT_ONCE)
  local new = redis.call('ZCOUNT', key('refresh'), '-inf', AT_ONCE)
  local places = (asked > 0 and 2 or 0) + (new > asked and 1 or 0) + (due > new and 2 or 0)
  local count = math.floor(most / places)
  local function some(class, first, behind)
    if first == behind then return end
    local from = tonumber(redis.call('HGET', key('due', 'from'), class) or '0')
    if first + from >= behind then from = 0 end
    redis.call('HSET', key('due', 'from'), class, from + count)
    sort_in(first + from, math.min(first + from + count, behind))
    if class ~= 'new' then sort_in(math.max(first, behind - count), behind) end
  end
  some('asked', 0, asked)
  some('new', asked, new)
  some('old', new, due)
end

-- Drops whoever is due no longer from among the first `most` of a queue; how many were looked at.
local function drop_undue(queue, clock, most)
  local names = redis.call('ZRANGE', queue, 0, most - 1)
  local undue = {}
  for i, planned in ipairs(#names > 0 and redis.call('ZMSCORE', key('refresh'), unpack(names)) or {}) do
    if not planned or tonumber(planned) > clock then undue[#undue + 1] = names[i] end
  end
  if #undue > 0 then redis.call('ZREM', queue, unpack(undue)) end
  return #names
end

-- Adds what a worker has counted to what was counted before.
-- ARGV: now, worker, number of this delivery, which a worker repeats until it has an answer,
--       for how many milliseconds figures are kept of whom nothing more comes,
--       {seconds of a step = milliseconds for which such steps are kept} (JSON),
--       {account = rows, client = rows, all = rows, steps = [[Unix seconds, {field = count}], …]} (JSON);
--       a row is [name, requests, errors, prompt tokens, completion tokens, milliseconds of the last use]
-- Days are those of UTC: who was last counted yesterday begins anew.

local REMEMBERED = 3600000 -- for so long a delivery that comes twice is known

local delivered = key('figures', 'delivered', ARGV[2])
if tonumber(redis.call('GET', delivered) or '0') >= tonumber(ARGV[3]) then return end
redis.call('SET', delivered, ARGV[3], 'PX', REMEMBERED)

local keep, lifetimes, counted = tonumber(ARGV[4]), cjson.decode(ARGV[5]), cjson.decode(ARGV[6])
local changed_at, today = key('figures', 'changed'), math.floor(NOW / 86400000)

local function add(of, row)
  local hash, name = key('figures', of), row[1]
  local before = redis.call('HGET', hash, name)
  local sum = before and cjson.decode(before)
  if not sum or sum[1] ~= today then sum = {today, 0, 0, 0, 0, sum and sum[6] or 0} end
  for i = 2, 5 do sum[i] = sum[i] + row[i] end
  sum[6] = math.max(sum[6], row[6])
  for i = 1, 6 do sum[i] = int(sum[i]) end
  redis.call('HSET', hash, name, '[' .. table.concat(sum, ',') .. ']')
  if of ~= 'all' then redis.call('ZADD', changed_at, int(NOW), of .. ' ' .. name) end
end

for _, of in ipairs({'account', 'client', 'all'}) do
  for _, row in ipairs(counted[of]) do add(of, row) end
end

-- One command for all fields: every worker brings some each second.
local function count_up(hash, fields, counts)
  local words = {}
  for i, before in ipairs(redis.call('HMGET', hash, unpack(fields))) do
    words[#words + 1] = fields[i]
    words[#words + 1] = int(tonumber(before or '0') + counts[i])
  end
  redis.call('HSET', hash, unpack(words))
end

for _, step in ipairs(counted.steps) do
  local fields, counts = {}, {}
  for field, count in pairs(step[2]) do
    fields[#fields + 1], counts[#counts + 1] = field, count
  end
  for seconds, lifetime in pairs(lifetimes) do
    local hash = key('figures', seconds, int(math.floor(step[1] / tonumber(seconds))))
    count_up(hash, fields, counts)
    redis.call('PEXPIRE', hash, int(lifetime))
  end
end

-- Bounded, so that no delivery pays for all of it.
for _, member in ipairs(redis.call('ZRANGEBYSCORE', changed_at, '-inf', int(NOW - keep), 'LIMIT', 0, 50)) do
  local of, name = string.match(member, '^(%a+) (.*)$')
  redis.call('HDEL', key('figures', of), name)
  redis.call('ZREM', changed_at, member)
end

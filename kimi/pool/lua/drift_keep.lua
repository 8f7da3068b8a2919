-- Adds what was met of an upstream that is not known to what was met before.
-- ARGV: now, how many there are at most, [[field, {first, last, count, shape}], …] (JSON, times in milliseconds)
-- Where there are too many, those go that were not met for longest: once for all that came, for it takes a look at each.

local book, most = key('drift'), tonumber(ARGV[2])

local function make_room()
  local fields, last = {}, {}
  local all = redis.call('HGETALL', book)
  for i = 1, #all, 2 do
    fields[#fields + 1] = all[i]
    last[all[i]] = cjson.decode(all[i + 1]).last
  end
  table.sort(fields, function(one, other) return last[one] < last[other] end)
  for i = 1, #fields - most do
    redis.call('HDEL', book, fields[i])
  end
end

for _, entry in ipairs(cjson.decode(ARGV[3])) do
  local field, seen = entry[1], entry[2]
  local known = redis.call('HGET', book, field)
  if known then
    local before = cjson.decode(known)
    seen.first, seen.last = math.min(before.first, seen.first), math.max(before.last, seen.last)
    seen.count = before.count + seen.count
    if before.shape ~= '' then seen.shape = before.shape end
  end
  redis.call('HSET', book, field, cjson.encode(seen))
end
if redis.call('HLEN', book) > most then make_room() end

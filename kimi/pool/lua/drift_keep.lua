-- Adds what was met of an upstream that is not known to what was met before.
-- ARGV: now, how many there are at most, [[field, {first, last, count, shape}], …] (JSON, times in milliseconds)
-- Where there are too many, the one goes that was not met for longest.

local book, most = key('drift'), tonumber(ARGV[2])

local function make_room()
  local oldest, field
  local all = redis.call('HGETALL', book)
  for i = 1, #all, 2 do
    local last = cjson.decode(all[i + 1]).last
    if not oldest or last < oldest then oldest, field = last, all[i] end
  end
  redis.call('HDEL', book, field)
end

for _, entry in ipairs(cjson.decode(ARGV[3])) do
  local field, seen = entry[1], entry[2]
  local known = redis.call('HGET', book, field)
  if known then
    local before = cjson.decode(known)
    seen.first, seen.last = math.min(before.first, seen.first), math.max(before.last, seen.last)
    seen.count = before.count + seen.count
    if before.shape ~= '' then seen.shape = before.shape end
  elseif redis.call('HLEN', book) >= most then
    make_room()
  end
  redis.call('HSET', book, field, cjson.encode(seen))
end

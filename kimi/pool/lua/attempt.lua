-- Somebody tries a key. Wrong ones are counted in every bucket that he is in: his address, say, or how the key begins.
-- Behind those that are FREE each begins the next pause, and the last one again and again, in which no other counts
-- there; a right one changes nothing, or whoever sends right keys from there would make room for guesses. Where one
-- bucket waits, none counts. There are only so many: somebody with a whole network of addresses could fill the memory
-- with them. Beyond that those that are there go on, and others are not counted until the time to remember is over.
-- ARGV: now, whose keys they are, 1 when the key is wrong and 0 to ask only, FREE, pauses in milliseconds as JSON,
-- milliseconds to remember, how many buckets there are at the most, buckets
-- Returns for each bucket {milliseconds that it waits, 1 when this attempt has begun them}.

local pauses = cjson.decode(ARGV[5])
local wrong, answer, waits = {}, {}, false
for i = 8, #ARGV do
  local bucket = key('wrong', ARGV[2], ARGV[i])
  local left = tonumber(redis.call('HGET', bucket, 'until') or '0') - NOW
  if left < 0 or left > pauses[#pauses] then left = 0 end -- more only after the clock was set back
  waits = waits or left > 0
  wrong[#wrong + 1], answer[#answer + 1] = bucket, {left, 0}
end
if waits or ARGV[3] == '0' then return answer end

local made = key('wrongs', ARGV[2])

local function is_counted(bucket)
  if redis.call('EXISTS', bucket) == 1 then return true end
  if tonumber(redis.call('GET', made) or '0') >= tonumber(ARGV[7]) then return false end
  if redis.call('INCR', made) == 1 then redis.call('PEXPIRE', made, ARGV[6]) end
  return true
end

for i, bucket in ipairs(wrong) do
  if is_counted(bucket) then
    local count = redis.call('HINCRBY', bucket, 'count', 1)
    local over = count - tonumber(ARGV[4])
    local pause = over > 0 and pauses[math.min(over, #pauses)] or 0
    redis.call('HSET', bucket, 'until', int(NOW + pause))
    -- Where nothing begins, a new key does not make the others younger.
    if count == 1 or pause > 0 then redis.call('PEXPIRE', bucket, ARGV[6]) end
    answer[i] = {pause, pause > 0 and 1 or 0}
  end
end
return answer

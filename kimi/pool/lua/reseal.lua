-- Puts secrets that were sealed anew in the place of those that were read.
-- ARGV: now, key of their hash behind the prefix, field, text as it was read, text in its place, field …
-- Returns how many were written by others meanwhile, and are left as they are.

local hash, left = key(ARGV[2]), 0
for i = 3, #ARGV, 3 do
  if redis.call('HGET', hash, ARGV[i]) == ARGV[i + 1] then
    redis.call('HSET', hash, ARGV[i], ARGV[i + 2])
  else
    left = left + 1
  end
end
return left

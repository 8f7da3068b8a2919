-- Puts secrets that were sealed anew in the place of those that were read, if all of them stand there still.
-- ARGV: now, key of their hash behind the prefix,
--       the account that those are told of who keep a copy: one of them could not open it ('' otherwise),
--       field, text as it was read, text in its place, field …
-- Returns how many were written by others meanwhile; then all are left as they are.

local hash, left, new = key(ARGV[2]), 0, {}
for i = 4, #ARGV, 3 do
  if redis.call('HGET', hash, ARGV[i]) ~= ARGV[i + 1] then left = left + 1 end
  table.insert(new, ARGV[i])
  table.insert(new, ARGV[i + 2])
end
if left == 0 then
  redis.call('HSET', hash, unpack(new))
  if ARGV[3] ~= '' then changed(ARGV[3]) end
end
return left

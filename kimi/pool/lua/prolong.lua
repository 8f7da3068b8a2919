-- Locks that are still held last longer; one that was lost to another stays with that one.
-- ARGV: now, lock, owner, milliseconds, lock, owner, milliseconds …

for i = 2, #ARGV, 3 do
  local lock = key('lock', ARGV[i])
  if redis.call('GET', lock) == ARGV[i + 1] then redis.call('PEXPIRE', lock, ARGV[i + 2]) end
end
return 1

-- Locks that are still held last longer; one that was lost to another stays with that one.
-- ARGV: now, milliseconds, lock, owner, lock, owner …

for i = 3, #ARGV, 2 do
  local lock = key('lock', ARGV[i])
  if redis.call('GET', lock) == ARGV[i + 1] then redis.call('PEXPIRE', lock, ARGV[2]) end
end
return 1

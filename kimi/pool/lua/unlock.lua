-- Only its owner frees a lock.
-- ARGV: now, lock, owner

if redis.call('GET', key('lock', ARGV[2])) == ARGV[3] then return redis.call('DEL', key('lock', ARGV[2])) end
return 0

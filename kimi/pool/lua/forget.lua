-- Forgets accounts that have been out of the configuration for as long as their credentials could live.
-- ARGV: now
-- Returns their names.

local names = redis.call('ZRANGEBYSCORE', key('gone'), '-inf', int(NOW - KEEP), 'LIMIT', 0, 100)
for _, name in ipairs(names) do erase(name) end
return names

-- Forgets accounts that have been out of the configuration for as long as their credentials could live.
-- ARGV: now
-- Returns their names.

local forgotten = {}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', key('gone'), '-inf', int(NOW - KEEP), 'LIMIT', 0, 100)) do
  if erase(name) then forgotten[#forgotten + 1] = name end
end
return forgotten

-- Forgets accounts that have been out of the configuration for as long as their credentials could live.
-- ARGV: now
-- Returns their names.

local names = redis.call('ZRANGEBYSCORE', key('gone'), '-inf', int(NOW - KEEP), 'LIMIT', 0, 100)
for _, name in ipairs(names) do
  redis.call('DEL', key('account', name), key('recent', name), key('refused', name))
  redis.call('SREM', key('accounts'), name)
  for _, names_by in ipairs({'gone', 'refresh', 'usable', 'changed'}) do redis.call('ZREM', key(names_by), name) end
end
return names

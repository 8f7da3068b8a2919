-- An account that the operator has set aside serves again, and is refreshed at once.
-- ARGV: now, name
-- Returns the state in which it was, or '' where it is not configured.

local name = ARGV[2]
local a = read(name)
if not a or a.present ~= '1' then return '' end
local before = a.state
if before == 'paused' then
  a.state = a.access == '' and 'new' or 'active'
  redis.call('HSET', key('account', name), 'state', a.state, 'reason', '')
  schedule(name, a, AT_ONCE)
  settle(name, a)
  changed(name)
  redis.call('PUBLISH', key('wake'), name)
end
return before

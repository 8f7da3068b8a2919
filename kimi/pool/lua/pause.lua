-- The operator sets an account aside. Answers that are running run on; a refresh that is running stores what it gets.
-- ARGV: now, name
-- Returns the state in which it was, or '' where it is not configured.

local name = ARGV[2]
local a = read(name)
if not a or a.present ~= '1' then return '' end
local before = a.state
if in_service(a) then
  a.state = 'paused'
  redis.call('HSET', key('account', name), 'state', 'paused', 'reason', '')
  schedule(name, a)
  settle(name, a)
  changed(name)
  rouse_owner(a)
end
return before

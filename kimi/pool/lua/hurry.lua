-- A refresh is wanted now and not when it is due.
-- ARGV: now, name
-- Returns the state of the account, or '' where it is not configured. Out of service it is not refreshed.

local BEFORE_OTHERS = '-1' -- who asks waits for it, and behind a thousand new accounts that would be long
local name = ARGV[2]
local a = read(name)
if not a or a.present ~= '1' then return '' end
if in_service(a) then
  schedule(name, a, BEFORE_OTHERS)
  changed(name)
  redis.call('PUBLISH', key('wake'), name)
end
return a.state

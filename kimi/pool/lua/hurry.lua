-- A refresh is wanted now and not when it is due.
-- ARGV: now, name
-- Returns the state of the account, or '' where it is not configured. Out of service it is not refreshed.

local name = ARGV[2]
local a = read(name)
if not a or a.present ~= '1' then return '' end
if in_service(a) then
  hasten(name, a)
  changed(name)
end
return a.state

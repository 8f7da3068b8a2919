-- A request has given up waiting.
-- ARGV: now, ticket

local routes = routes_of_ticket(ARGV[2])
if not routes then return 0 end
forget_ticket(ARGV[2])
call_waiting(routes) -- the place that was kept for it is somebody else's
return 1

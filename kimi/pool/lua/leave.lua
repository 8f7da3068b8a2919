-- A request has given up waiting.
-- ARGV: now, ticket

offer_again(forget_ticket(ARGV[2])) -- the place that was kept for it is somebody else's
return 1

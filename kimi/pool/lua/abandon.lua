-- A worker is gone, or does not know of all that it has: its tickets are torn up and its leases given back.
-- ARGV: now, how many tickets, tickets …, leases with names …
-- Returns how many of the leases there were.

local tickets = tonumber(ARGV[2])
-- Its tickets first, or they would be called to its own places.
local given_up = {}
for i = 3, 2 + tickets do given_up[#given_up + 1] = forget_ticket(ARGV[i]) end
for _, name in ipairs(given_up) do offer_again(name) end
local leases = 0
for i = 3 + tickets, #ARGV do
  if redis.call('ZSCORE', key('leases'), ARGV[i]) then
    local name, a = give_back(ARGV[i])
    if name then settle(name, a) end
    leases = leases + 1
  end
end
return leases

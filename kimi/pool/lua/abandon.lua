-- A worker is gone, or does not know of all that it has: its leases are given back and its tickets torn up.
-- ARGV: now, worker (its leases and tickets begin with it and a dot), leases with names that it does hold …

local prefix, holds = ARGV[2] .. '.', {}
for i = 3, #ARGV do holds[ARGV[i]] = true end

local function is_its(id)
  return string.sub(id, 1, #prefix) == prefix
end

-- Its tickets first, or they would be called to its own places.
local given_up = {}
for _, route in ipairs(redis.call('SMEMBERS', key('routes'))) do
  for _, ticket in ipairs(redis.call('ZRANGE', key('route', route, 'queue'), 0, -1)) do
    if is_its(ticket) then given_up[#given_up + 1] = forget_ticket(ticket) end
  end
end
for _, name in ipairs(given_up) do offer_again(name) end
local leases = 0
for _, lease in ipairs(redis.call('ZRANGE', key('leases'), 0, -1)) do
  if is_its(lease) and not holds[lease] then
    local name, a = give_back(lease)
    if name then settle(name, a) end
    leases = leases + 1
  end
end
return leases

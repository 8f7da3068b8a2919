-- What every script has. `kimi.pool.scripts` puts those definitions of this folder in front of a script that it needs.
-- KEYS[1] is the prefix of all keys (one hash tag, so that a cluster keeps them together).
-- ARGV[1] is the time in milliseconds, or 0 for the server's own clock: one clock for all replicas.

local PREFIX = KEYS[1]

local NOW = tonumber(ARGV[1])
if NOW == 0 then
  local time = redis.call('TIME')
  NOW = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- A script makes dozens of them: a table and `concat` for each took three times as long.
local function key(one, two, three, four)
  if four then return PREFIX .. one .. ':' .. two .. ':' .. three .. ':' .. four end
  if three then return PREFIX .. one .. ':' .. two .. ':' .. three end
  if two then return PREFIX .. one .. ':' .. two end
  return PREFIX .. one
end

-- Lua's own number format keeps 14 digits only, and writes large numbers as 1e+15.
local function int(number)
  return string.format('%.0f', number)
end

-- A number from 0 to below `n`, by chance. Every script would begin with the same ones.
local function any_of(n)
  return math.random(math.max(1, n)) - 1
end
math.randomseed(NOW % 2147483647)

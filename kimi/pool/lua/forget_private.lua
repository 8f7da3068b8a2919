-- Forgets accounts of somebody's own that have not been used for long. Their credentials are kept by their fingerprints,
-- unless they never were any good.
-- ARGV: now
-- Returns their names.

local PAUSE = 60000 -- for those who keep copies to hear of it; and until the next look at one that is in use
local forgotten = {}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', key('private'), '-inf', int(NOW), 'LIMIT', 0, 100)) do
  local a = read(name)
  if a and (a.in_flight > 0 or redis.call('EXISTS', key('lock', name)) == 1) then
    redis.call('ZADD', key('private'), int(NOW + PAUSE), name)
  elseif a and a.present == '1' then
    withdraw(name, a)
    local kept = key('kept', a.fingerprint)
    if a.version == '1' and redis.call('HGET', kept, 'name') == name then redis.call('DEL', kept) end -- never exchanged
    redis.call('ZADD', key('private'), int(NOW + PAUSE), name)
  else
    erase(name)
    forgotten[#forgotten + 1] = name
  end
end
return forgotten

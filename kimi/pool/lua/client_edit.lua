-- Changes a client key.
-- ARGV: now, id, name (none: as it was), and of each limit that changes its field and what it is now: requests a
-- minute, tokens a day, concurrent, models (JSON), where nothing is no limit; all others stay as they are
-- Returns {"ok", row} (see client_row), {"taken"} where another key has the name, {"revoked"}, {} where there is none.

local id, name = ARGV[2], ARGV[3]
local before = redis.call('HMGET', key('client', id), 'name', 'revoked')
if not before[1] then return {} end
if before[2] ~= '' then return {'revoked'} end
if name ~= '' and name ~= before[1] then
  if redis.call('HEXISTS', key('clients:names'), name) == 1 then return {'taken'} end
  redis.call('HDEL', key('clients:names'), before[1])
  redis.call('HSET', key('clients:names'), name, id)
  redis.call('HSET', key('client', id), 'name', name)
end
if ARGV[4] then redis.call('HSET', key('client', id), unpack(ARGV, 4)) end
client_changed(id)
return {'ok', client_row(id)}

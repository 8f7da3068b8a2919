-- Revokes a client key. Its name is free again, and it is listed for a time.
-- ARGV: now, id, for how many milliseconds it is listed
-- Returns {"ok", row} (see client_row), or {} where there is none.

local id = ARGV[2]
local before = redis.call('HMGET', key('client', id), 'name', 'revoked')
if not before[1] then return {} end
if before[2] == '' then
  redis.call('HSET', key('client', id), 'revoked', int(NOW))
  redis.call('PEXPIRE', key('client', id), ARGV[3])
  redis.call('HDEL', key('clients:names'), before[1])
  client_changed(id)
end
return {'ok', client_row(id)}

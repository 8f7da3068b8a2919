-- Enters a client key.
-- ARGV: now, id, name, digest, beginning of the key, how many keys at most, requests a minute, tokens a day,
-- concurrent, models (JSON); of the last four nothing is no limit
-- Returns {"ok", row} (see client_row), {"taken"} where another key has the name, {"full"}.

local id, name = ARGV[2], ARGV[3]
if redis.call('HEXISTS', key('clients:names'), name) == 1 then return {'taken'} end
if redis.call('HLEN', key('clients:names')) >= tonumber(ARGV[6]) then return {'full'} end
redis.call('HSET', key('client', id), 'name', name, 'digest', ARGV[4], 'prefix', ARGV[5], 'created', int(NOW),
  'revoked', '', 'requests_per_minute', ARGV[7], 'tokens_per_day', ARGV[8], 'concurrent', ARGV[9], 'models', ARGV[10])
redis.call('HSET', key('clients:names'), name, id)
client_changed(id)
return {'ok', client_row(id)}

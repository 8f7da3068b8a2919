-- What is known of a client key: {id, name, its beginning, digest, created, revoked, requests a minute, tokens a day,
-- concurrent, models (JSON)}, where nothing is none; nil where there is no such key.
local function client_row(id)
  local row = redis.call('HMGET', key('client', id), 'name', 'prefix', 'digest', 'created', 'revoked',
    'requests_per_minute', 'tokens_per_day', 'concurrent', 'models')
  if not row[1] then return nil end
  table.insert(row, 1, id)
  return row
end

-- Notes that a client key is no longer what it was, for those who keep a copy.
local function client_changed(id)
  redis.call('ZADD', key('clients'), next_change('clients:'), id)
end

-- The number of the next change, of accounts (of is '') or of client keys ('clients:'). Who begins to count notes when:
-- behind FLUSHALL the numbers begin anew, and the server is the same. An older release notes nothing.
local function next_change(of)
  local number = redis.call('INCR', key(of .. 'changes'))
  if number == 1 then redis.call('SET', key(of .. 'epoch'), table.concat(redis.call('TIME'), '.'), 'NX') end
  return number
end

-- The line of writes to which those changes belong: another one when their numbers begin anew, after each failover and
-- each start, and when the server begins to keep what it sends to replicas or ceases to. A user who may not be told of
-- that misses failovers.
local function lineage(of)
  local told = redis.pcall('INFO', 'replication')
  local server = type(told) == 'string' and string.match(told, 'master_replid:(%w+)') or ''
  return server .. '/' .. (redis.call('GET', key(of .. 'epoch')) or '')
end

-- The line of writes that this server goes on with: another one after each failover, and after each start. '' where the
-- user may not be told.
local function lineage()
  local told = redis.pcall('INFO', 'replication')
  return type(told) == 'string' and string.match(told, 'master_replid:(%w+)') or ''
end

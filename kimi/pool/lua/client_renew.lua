-- Requests of client keys are still running. One that has lost its place meanwhile, or has just given it back, is not
-- counted again.
-- ARGV: now, for how many milliseconds they have their places, id of the key and id of the request …

local lives = tonumber(ARGV[2])
for i = 3, #ARGV, 2 do
  local running = key('client', ARGV[i], 'running')
  redis.call('ZADD', running, 'XX', int(NOW + lives), ARGV[i + 1])
  redis.call('PEXPIRE', running, lives)
end
return 1

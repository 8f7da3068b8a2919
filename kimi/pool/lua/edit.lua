-- The operator changes the limits of an account; they stay until what is written of it in the accounts file changes.
-- ARGV: now, name, spec (JSON) as it was read, spec as it is from now on, limit, rate, weight, priority
-- Returns 1, or 0 where it is another one by now.

local name, account = ARGV[2], key('account', ARGV[2])
local a = read(name)
if not a or a.present ~= '1' or a.spec ~= ARGV[3] then return 0 end
if redis.call('HGET', account, 'origin') == 'config' then
  redis.call('HSETNX', account, 'written', a.spec) -- an older release left it out
else
  redis.call('HSET', account, 'written', ARGV[4])
end
redis.call('HSET', account, 'spec', ARGV[4])
set_limits(name, ARGV[5], ARGV[6], ARGV[7], ARGV[8])
settle(name)
changed(name)
return 1

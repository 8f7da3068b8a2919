-- Who asks an account of the web chat for its list of models, and what it has told.
-- ARGV: now, name, version of the credential to ask with, list (JSON) or '' before it is asked for,
--       milliseconds that have to lie between two questions
-- Returns 1 where it may be asked, or its list is stored; 0 where it was asked not long ago, or where it has another
-- credential by now.

local name, models = ARGV[2], ARGV[4]
local account = key('account', name)
local a = read(name)
if not a or a.present ~= '1' or a.version ~= ARGV[3] then return 0 end
if models == '' then
  local asked = tonumber(redis.call('HGET', account, 'listed') or '0')
  if asked + tonumber(ARGV[5]) > NOW then return 0 end
  redis.call('HSET', account, 'listed', int(NOW))
elseif models ~= a.models then
  a.models = models
  redis.call('HSET', account, 'models', models)
  set_routes(name, a)
  settle(name, a)
  changed(name)
end
return 1

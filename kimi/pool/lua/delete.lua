-- The operator takes an account out that stands in no file. Should it be entered again, it goes on with its credential,
-- and nothing that befell it before counts.
-- ARGV: now, name
-- Returns 'deleted', 'unknown', or 'configured' where only the accounts file can take it out.

local PAUSE = 60000 -- for those who keep copies to hear of it
local name, account = ARGV[2], key('account', ARGV[2])
local a = read(name)
if not a then return 'unknown' end
local is_there, is_configured = a.present == '1', redis.call('HGET', account, 'origin') == 'config'
if is_there and is_configured then return 'configured' end
if not (is_there or is_configured) then return 'unknown' end -- it is deleted already
known_no_more(name)
if not is_there and erase(name) then return 'deleted' end
redis.call('DEL', key('recent', name), key('refused', name))
redis.call('HDEL', account, 'written')
a.state, a.cool_until, a.rate_until, a.strikes = 'new', 0, 0, 0
redis.call('HSET', account, 'state', 'new', 'reason', '', 'failures', '0', 'cool_until', '0', 'cool_reason', '',
  'rate_until', '0', 'strikes', '0', 'strike_kind', '', 'struck', '0')
if not is_there then return 'deleted' end -- and forgotten once its answers have ended
rouse_owner(a)
withdraw(name, a)
if a.owner ~= '' then redis.call('ZADD', key('private'), int(NOW + PAUSE), name) end
return 'deleted'

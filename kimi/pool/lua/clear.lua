-- The operator wants an account tried as if nothing had befallen it. One that is dead or banned is exchanged anew, with
-- the credential that is stored and under the same version: a refresh that is running can still store its successor.
-- ARGV: now, name
-- Returns the state in which it was, or '' where it is not configured.

local name, account = ARGV[2], key('account', ARGV[2])
local a = read(name)
if not a or a.present ~= '1' then return '' end
local before = a.state
local is_overdue = redis.call('HGET', account, 'failures') ~= '0' or a.rejected == '1'
a.cool_until, a.rate_until, a.strikes, a.strike_kind, a.struck = 0, 0, 0, '', NOW
redis.call('DEL', key('recent', name), key('refused', name))
-- Requests that were under way before now are no news.
redis.call('HSET', account, 'cool_until', '0', 'cool_reason', '', 'rate_until', '0', 'strikes', '0', 'strike_kind', '',
  'struck', int(NOW), 'failures', '0', 'spoilt', '0')
if before == 'dead' or before == 'banned' then
  is_overdue = true
  a.state, a.access, a.expires = 'new', '', 0 -- that this was refused, if it was, stays known
  redis.call('HSET', account, 'state', 'new', 'reason', '', 'access', '', 'issued', '0', 'expires', '0')
end
if in_service(a) then redis.call('HSET', account, 'reason', '') end -- why refreshes have failed so far
if is_overdue and in_service(a) then
  schedule(name, a, AT_ONCE)
  redis.call('PUBLISH', key('wake'), name)
end
a.turn_before = nil -- it may stand aside, among those that refuse a model
settle(name, a)
changed(name)
return before

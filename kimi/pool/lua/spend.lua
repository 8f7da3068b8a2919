-- The very last step before a refresh token is exchanged: may it be, and was it perhaps exchanged before?
-- The marker that it leaves says which credential is being exchanged and by whom. It counts only while the credential is
-- of that version, so that whatever replaces the credential removes it as well. A store that cannot take it stops the
-- exchange here, before the token is spent.
-- ARGV: now, name, owner of the lock, version, the time at which the refresh was found due, lock milliseconds
-- Returns 0 when it may not be: the lock was lost, or the account is not what its reader saw.
-- Else 1; or 2 when an earlier exchange of this credential brought no answer; or 3 when one was cut off, told once.

local name, owner, version = ARGV[2], ARGV[3], ARGV[4]
local lock, account = key('lock', name), key('account', name)
if redis.call('GET', lock) ~= owner then return 0 end
local a = read(name)
if not a or a.version ~= version or not in_service(a) then return 0 end
local due = redis.call('ZSCORE', key('refresh'), name)
if not due or tonumber(due) > tonumber(ARGV[5]) then return 0 end

local marker = version .. ':' .. owner
local left, unanswered = unpack(redis.call('HMGET', account, 'spending', 'unanswered'))
local past = unanswered == version and 2 or 1
if left and left ~= marker and string.match(left, '^%d+') == version then
  past = 3
  redis.call('HSET', account, 'unanswered', version)
end
redis.call('HSET', account, 'spending', marker)
redis.call('PEXPIRE', lock, ARGV[6])
return past

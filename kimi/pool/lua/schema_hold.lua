-- Makes one process the one that converts; or lets it be so for longer, and notes how far it is.
-- ARGV: now, owner, milliseconds, version that it makes ('0': it only begins), mark ('': none yet), mark that it found or
--       left before
-- Returns the mark that was left last on the way to that version ('': none); nothing where it may not: another process
-- converts, or has gone on since this one has last said that it does.

local holder = redis.call('GET', key('schema', 'lock'))
local stored, towards, mark = unpack(redis.call('HMGET', key('schema'), 'version', 'towards', 'mark'))
local left = towards == ARGV[4] and mark or ''
if holder and holder ~= ARGV[2] then return false end
-- One whose page took longer than it is believed goes on, unless somebody else was there.
if not holder and ARGV[4] ~= '0' and (left ~= ARGV[6] or tonumber(stored or '1') >= tonumber(ARGV[4])) then return false end
redis.call('SET', key('schema', 'lock'), ARGV[2], 'PX', ARGV[3])
if ARGV[5] == '' then return left end
redis.call('HSET', key('schema'), 'towards', ARGV[4], 'mark', ARGV[5])
return ARGV[5]

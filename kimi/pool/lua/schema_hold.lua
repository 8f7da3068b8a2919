-- Makes one process the one that converts; or lets it be so for longer, and notes how far it is.
-- ARGV: now, owner, milliseconds, version that it makes ('0': it only begins), mark ('': none yet)
-- Returns the mark that was left last on the way to that version ('': none); nothing where it may not: another process
-- converts, or may have done all of it since this one has last said that it does.

local holder = redis.call('GET', key('schema', 'lock'))
if holder ~= ARGV[2] and (holder or ARGV[4] ~= '0') then return false end
redis.call('SET', key('schema', 'lock'), ARGV[2], 'PX', ARGV[3])
if ARGV[5] ~= '' then redis.call('HSET', key('schema'), 'towards', ARGV[4], 'mark', ARGV[5]) end
local towards, mark = unpack(redis.call('HMGET', key('schema'), 'towards', 'mark'))
return towards == ARGV[4] and mark or ''

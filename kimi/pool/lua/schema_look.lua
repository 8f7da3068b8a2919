-- Which version of the schema stands there. A process that is named lives, and shows which release it is.
-- ARGV: now, after how many milliseconds of silence one is forgotten, release and name of the process ('': none)
-- Returns {version, oldest version whose releases may work with it, release that wrote it last, first that knows the
-- oldest}; the version is 0 where nothing stands there, and 1 where something does that carries none.

if ARGV[3] ~= '' then
  redis.call('ZADD', key('releases'), int(NOW), ARGV[3])
  redis.call('PEXPIRE', key('releases'), ARGV[2]) -- they may all have been killed
  redis.call('ZREMRANGEBYSCORE', key('releases'), '-inf', int(NOW - tonumber(ARGV[2])))
end
local stored = redis.call('HMGET', key('schema'), 'version', 'oldest', 'release', 'needed')
local version, oldest, release, needed = unpack(stored)
if not version then
  -- What every pool has that was ever in use.
  local some = redis.call('EXISTS', key('accounts'), key('gone'), key('changes'), key('clients'), key('tickets'),
    key('figures', 'all'), key('audit'), key('drift'), key('vault'))
  version = some > 0 and '1' or '0'
end
return {version, oldest or '1', release or '', needed or ''}

-- Which version of the schema stands there. A process that is named lives, and shows which release it is.
-- ARGV: now, after how many milliseconds of silence one is forgotten, release and name of the process ('': none)
-- Returns {version, oldest version whose releases may work with it, release that wrote it last, first that knows the
-- oldest, milliseconds since the oldest was raised ('': never)}; the version is 0 where nothing stands there, 1 where
-- something does that carries none, and '' where what should carry it is something else.

if ARGV[3] ~= '' then note_living(key('releases'), ARGV[3], ARGV[2]) end
local stored = redis.pcall('HMGET', key('schema'), 'version', 'oldest', 'release', 'needed', 'raised')
if stored.err then return {'', '', '', '', ''} end
local version, oldest, release, needed, raised = unpack(stored)
if not version then
  -- What every pool has that was ever in use.
  local some = redis.call('EXISTS', key('accounts'), key('gone'), key('changes'), key('clients'), key('tickets'),
    key('figures', 'all'), key('audit'), key('drift'), key('vault'))
  version = some > 0 and '1' or '0'
end
return {version, oldest or '1', release or '', needed or '', raised and int(math.max(0, NOW - raised)) or ''}

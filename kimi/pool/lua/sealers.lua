-- Who lives, with a word that he has sealed. Who has long been silent is forgotten.
-- ARGV: now, after how many milliseconds of silence one is forgotten, name and word of who lives ('': who only looks),
--       whose words are wanted: 'sealers', or 'sealers:refreshers' (none: nobody's). Gateways may be thousands, of which
--       each looks every few seconds, and none of them at the others.
-- Returns {name and word, …}, the latest last.

local forgotten = int(NOW - tonumber(ARGV[2]))

local function note(whose)
  redis.call('ZADD', whose, int(NOW), ARGV[3])
  redis.call('PEXPIRE', whose, ARGV[2]) -- they may all have been killed
  redis.call('ZREMRANGEBYSCORE', whose, '-inf', forgotten)
  -- What is of later was left before the clock was set back: who lives says it again.
  redis.call('ZREMRANGEBYSCORE', whose, '(' .. int(NOW), '+inf')
end

if ARGV[3] ~= '' then -- who only looks may do that while no writes are taken
  note(key('sealers'))
  if string.sub(ARGV[3], 1, 10) == 'refresher ' then note(key('sealers:refreshers')) end
end
return ARGV[4] and redis.call('ZRANGE', key(ARGV[4]), '(' .. forgotten, int(NOW), 'BYSCORE') or {}

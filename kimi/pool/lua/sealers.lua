-- Who lives, with a word that he has sealed. Who has long been silent is forgotten.
-- ARGV: now, after how many milliseconds of silence one is forgotten, name and word of who lives ('': who only looks)
-- Returns {name and word, …}, the latest last.

local since = '(' .. int(NOW - tonumber(ARGV[2]))
if ARGV[3] ~= '' then -- who only looks may do that while no writes are taken
  redis.call('ZADD', key('sealers'), int(NOW), ARGV[3])
  redis.call('PEXPIRE', key('sealers'), ARGV[2]) -- they may all have been killed
  redis.call('ZREMRANGEBYSCORE', key('sealers'), '-inf', int(NOW - tonumber(ARGV[2])))
  -- What is of later was left before the clock was set back: who lives says it again.
  redis.call('ZREMRANGEBYSCORE', key('sealers'), '(' .. int(NOW), '+inf')
end
return redis.call('ZRANGE', key('sealers'), since, int(NOW), 'BYSCORE')

-- Processes that live, each with what it shows of itself, by when that was.

-- Notes that one lives, and forgets who has been silent for so many milliseconds.
local function note_living(set, shown, silence)
  redis.call('ZADD', set, int(NOW), shown)
  redis.call('PEXPIRE', set, silence) -- they may all have been killed
  redis.call('ZREMRANGEBYSCORE', set, '-inf', int(NOW - tonumber(silence)))
  -- What is of later was left before the clock was set back: who lives says it again.
  redis.call('ZREMRANGEBYSCORE', set, '(' .. int(NOW), '+inf')
end

local function living(set, silence)
  return redis.call('ZRANGE', set, '(' .. int(NOW - tonumber(silence)), int(NOW), 'BYSCORE')
end

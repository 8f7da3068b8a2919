-- A refresher has stopped. The last of all is remembered: since when nobody is at work is known by it.
-- ARGV: now, name of the refresher

if redis.call('ZCARD', key('refreshers')) > 1 then redis.call('ZREM', key('refreshers'), ARGV[2]) end

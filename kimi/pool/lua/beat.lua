-- A refresher lives. Those that have long been silent are forgotten.
-- ARGV: now, name of the refresher, after how many milliseconds of silence one is forgotten

redis.call('ZADD', key('refreshers'), int(NOW), ARGV[2])
redis.call('ZREMRANGEBYSCORE', key('refreshers'), '-inf', int(NOW - tonumber(ARGV[3])))

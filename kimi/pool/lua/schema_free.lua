-- Lets others convert; only who does so now can.
-- ARGV: now, owner

if redis.call('GET', key('schema', 'lock')) == ARGV[2] then redis.call('DEL', key('schema', 'lock')) end

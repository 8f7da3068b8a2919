-- Lets others watch; only who watches can do so.
-- ARGV: now, owner

if redis.call('GET', key('alerts', 'watch')) == ARGV[2] then redis.call('DEL', key('alerts', 'watch')) end

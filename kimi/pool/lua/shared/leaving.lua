-- How long the credential of an account that was taken out is kept for another name: as long as refresh tokens live.
local KEEP = 90 * 86400000
local UNTIL_LATER = 60000 -- before another try to forget one

-- Which account that serves everybody has the credential of a fingerprint; nil for none.
local function holder_of(fingerprint)
  local name = redis.call('HGET', key('holders'), fingerprint)
  local known = name and redis.call('HMGET', key('account', name), 'fingerprint', 'present') or {}
  return known[1] == fingerprint and known[2] == '1' and name or nil
end

local function let_go(name, a)
  if redis.call('HGET', key('holders'), a.fingerprint) == name then redis.call('HDEL', key('holders'), a.fingerprint) end
end

-- By its newest refresh token an account is known to other pools, as it is by the secret that it was entered with.
local function known_by(name, fingerprint)
  local account, newest = key('account', name), key('newest')
  local before = redis.call('HGET', account, 'newest')
  if before then redis.call('HDEL', newest, before) end
  redis.call('HSET', account, 'newest', fingerprint)
  redis.call('HSET', newest, fingerprint, name)
end

local function known_no_more(name)
  local before = redis.call('HGET', key('account', name), 'newest')
  if not before then return end
  redis.call('HDEL', key('newest'), before)
  redis.call('HDEL', key('account', name), 'newest')
end

-- Takes an account out of service because it is no longer configured, or not with this credential. Nothing of it is
-- forgotten: whoever is configured with the same secret from now on goes on with what has become of it. An account of
-- somebody's own never takes the place of what is kept of another.
local function withdraw(name, a)
  a.present = '0'
  redis.call('HSET', key('account', name), 'present', '0')
  redis.call('ZADD', key('gone'), int(NOW), name)
  local kept = key('kept', a.fingerprint)
  if a.owner == '' or (redis.call('HGET', kept, 'name') or name) == name then
    redis.call('HSET', kept, 'name', name, 'version', a.version, 'refresh', a.refresh)
    hand_on_previous(key('account', name), kept)
    redis.call('PEXPIRE', kept, KEEP)
  end
  let_go(name, a)
  schedule(name, a)
  set_routes(name, a)
  settle(name, a)
  changed(name)
end

-- Forgets an account that was withdrawn. What is kept of its secret has an expiry of its own. Returns whether it has: one
-- whose answers still run is forgotten behind them, for should it come back, those count.
local function erase(name)
  local fingerprint, in_flight = unpack(redis.call('HMGET', key('account', name), 'fingerprint', 'in_flight'))
  if tonumber(in_flight or '0') > 0 then
    redis.call('ZADD', key('gone'), int(NOW - KEEP + UNTIL_LATER), name)
    return false
  end
  let_go(name, {fingerprint = fingerprint or ''})
  known_no_more(name)
  redis.call('DEL', key('account', name), key('recent', name), key('refused', name))
  redis.call('SREM', key('accounts'), name)
  for _, names_by in ipairs({'gone', 'refresh', 'usable', 'changed', 'private'}) do
    redis.call('ZREM', key(names_by), name)
  end
  return true
end

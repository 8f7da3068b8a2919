-- Brings one configured account into the pool, or up to date with what the operator wrote.
-- The stored credential wins over the configured one until the configured one itself changes (its fingerprint);
-- one that was rotated under another name comes along, but not from the operator's account to one that somebody brought
-- along: who has got hold of a spent secret must not have the login. Limits that the operator has edited win in the same way.
-- A credential that is entered by hand takes the place of one that was, if that is dead or banned; all else stays.
-- ARGV: now, name, spec (JSON), origin, fingerprint, credential, limit, rate, weight, priority, line,
--       version that the credential has had, or 0,
--       what is written of the account already, where the spec was made to go with that ('' otherwise)
--       and where it is one that somebody brought along: milliseconds for which it is kept, how many there may be
-- Returns 'added', 'revived' (its credential is tried anew), 'replaced', 'updated' or 'same'; or 'locked' when the
-- credential is being exchanged just now, so that nothing was changed; or, where somebody brought it along or entered
-- it by hand in vain, 'full', 'configured' (somebody else has it) or 'taken' (somebody else has the name); or 'rewritten'
-- where something else is written of it by now. To seal an address anew gives another text, so that a spec holds that of
-- the one before.

local name, spec, origin, fingerprint, credential, line = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[11]
local account, kept = key('account', name), key('kept', fingerprint)
if ARGV[13] ~= '' then
  local spec_before, written_before = unpack(redis.call('HMGET', account, 'spec', 'written'))
  if (written_before or spec_before) ~= ARGV[13] then return 'rewritten' end
end

local function origin_of(whose)
  return redis.call('HGET', key('account', whose), 'origin')
end

local function is_locked(whose)
  return redis.call('EXISTS', key('lock', whose)) == 1
end

local function is_replaceable(a)
  local old, new = cjson.decode(a.spec), cjson.decode(spec)
  return origin_of(name) == 'operator' and (a.state == 'dead' or a.state == 'banned')
    and a.fingerprint ~= fingerprint and old.kind == new.kind and old.region == new.region
end

-- One credential must not be exchanged in two places: the operator's account goes before one of somebody's own.
local owner = cjson.decode(spec).owner or ''
local there, replaces = read(name), false
if owner ~= '' and there and there.present == '1' then
  -- The name holds a part of the fingerprint only.
  if there.owner ~= owner or there.fingerprint ~= fingerprint then return 'configured' end
elseif owner ~= '' then
  if redis.call('ZCARD', key('private')) >= tonumber(ARGV[15]) then return 'full' end
  if holder_of(fingerprint) then return 'configured' end
  redis.call('ZADD', key('private'), int(NOW + tonumber(ARGV[14])), name)
elseif origin == 'operator' then
  if holder_of(fingerprint) then return 'configured' end
  if there and there.present == '1' then
    if not is_replaceable(there) then return 'taken' end
    replaces, spec, line = true, there.spec, there.line
  end
else
  -- The file goes before what was entered by hand, as one credential and as one name.
  local other = holder_of(fingerprint)
  if other and other ~= name and origin_of(other) == 'operator' then
    if is_locked(other) then return 'locked' end -- it serves on until then
    withdraw(other, read(other))
  end
  if there and there.present == '1' and there.fingerprint ~= fingerprint and origin_of(name) ~= origin then
    withdraw(name, there)
  end
end
if owner == '' then
  local own = 'private-' .. string.sub(fingerprint, 1, 12)
  local a = own ~= name and read(own)
  if a and a.present == '1' and a.fingerprint == fingerprint then
    if is_locked(own) then return 'locked' end
    withdraw(own, a)
  end
end

local known = redis.call('HMGET', account,
  'spec', 'fingerprint', 'present', 'version', 'origin', 'refresh', 'state', 'line', 'written')
local fresh = known[2] ~= fingerprint

local function said(value)
  local is_nothing = value == nil or value == cjson.null or value == '' or (type(value) == 'table' and not next(value))
  return is_nothing and 'nothing' or cjson.encode(value)
end

-- Whether both say the same of an account: a field that only one of two releases knows counts where it says something.
local function is_the_same(one, other)
  if one == other then return true end
  local first, second = cjson.decode(one), cjson.decode(other)
  for field, value in pairs(first) do
    if said(value) ~= said(second[field]) then return false end
  end
  for field, value in pairs(second) do
    if first[field] == nil and said(value) ~= said(nil) then return false end
  end
  return true
end

-- Limits that were edited stay until what is written of the account changes.
local written = known[9] or known[1]
local stays = known[1] and written ~= known[1] and is_the_same(written, spec)
if written == spec and not fresh and known[3] == '1' and known[5] == origin and known[8] == line then
  if owner == '' then redis.call('HSET', key('holders'), fingerprint, name) end -- an older release had no such index
  return 'same'
end

local function upstream_of(text)
  local a = cjson.decode(text)
  return table.concat({a.kind, a.region, tostring(a.base_url)}, ' ')
end

-- What another upstream said of the credential means nothing to this one.
local moved = known[1] and upstream_of(known[1]) ~= upstream_of(spec)
local keeper, rotated, rotated_version = unpack(redis.call('HMGET', kept, 'name', 'refresh', 'version'))
-- The name of an account of somebody's own tells whose it is; no other record is for him, nor his to remove.
local is_his = owner == '' or not keeper or keeper == name
local is_new_here = keeper and (fresh or keeper ~= name)
if is_new_here and is_locked(keeper) then return 'locked' end
local inherits = is_new_here and is_his
if moved and not fresh and is_locked(name) then return 'locked' end

-- Should Redis have lost the account alone, it still stands somewhere.
local function clear_places()
  for _, route in ipairs(redis.call('SMEMBERS', key('routes'))) do
    for _, priority in ipairs(redis.call('ZRANGE', key('route', route, 'priorities'), 0, -1)) do
      redis.call('ZREM', place_key(route, 'ready', priority), name)
    end
    for _, place in ipairs({'full', 'cooling', 'pending'}) do redis.call('ZREM', place_key(route, place), name) end
  end
end

if replaces then withdraw(name, there) end
local outcome = 'updated'
if not known[4] then
  outcome = 'added'
  if redis.call('SADD', key('accounts'), name) == 0 then clear_places() end
  redis.call('HSET', account, 'in_flight', '0', 'turn', '0', 'place', '', 'routes', '[]', 'version', '0')
end
if fresh or inherits or moved then
  if known[4] then outcome = replaces and 'replaced' or 'revived' end
  local version = ARGV[12]
  if inherits then hand_on_previous(kept, account)
  elseif not fresh then hand_on_previous(account, account)
  else
    forget_previous(account)
    redis.call('HSET', account, 'rejected', '0')
  end
  if inherits and rotated_version ~= '1' then -- else it is the one that is brought
    credential, version = is_key(spec) and credential or rotated, rotated_version
  elseif not fresh and not inherits then credential, version = known[6], 0
  end
  -- It never falls, also where the store has lost all it knew: of the tokens of one secret the highest is the newest.
  version = math.max(tonumber(known[4] or '0') + 1, tonumber(version))
  if fresh or inherits then known_no_more(name) end
  redis.call('HSET', account,
    'fingerprint', fingerprint, 'refresh', credential, 'access', '', 'issued', '0', 'expires', '0',
    'spoilt', '0',
    'state', known[7] == 'paused' and not fresh and 'paused' or 'new', 'reason', '', 'failures', '0',
    'cool_until', '0', 'cool_reason', '', 'strikes', '0', 'strike_kind', '', 'struck', '0',
    'rate_until', '0', 'models', '[]', 'listed', '0', 'org', '',
    'version', int(version))
  redis.call('DEL', key('recent', name), key('refused', name))
  redis.call('ZREM', key('refresh'), name)
end
if is_his then redis.call('DEL', kept) end
redis.call('ZREM', key('gone'), name)
redis.call('HSET', account,
  'spec', stays and known[1] or spec, 'written', spec, 'owner', owner, 'origin', origin, 'present', '1', 'line', line)
if not stays and not replaces then set_limits(name, ARGV[7], ARGV[8], ARGV[9], ARGV[10]) end
if owner == '' then redis.call('HSET', key('holders'), fingerprint, name) end
local a = read(name)
set_routes(name, a)
if in_service(a) and not redis.call('ZSCORE', key('refresh'), name) then
  schedule(name, a, AT_ONCE)
  redis.call('PUBLISH', key('wake'), name)
end
settle(name, a)
changed(name)
return outcome

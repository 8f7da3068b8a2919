-- Somebody comes with credentials of his own: which of them are known, what has become of them, and that they are used.
-- ARGV: now, milliseconds for which a good one is kept after its last use, the same of any other,
--       name, spec (JSON), fingerprint of the first, name …
-- Returns for each {state, 1 with a good access token, routes (JSON), refresh token}, or {} where it is not known as it is
-- now. The last is '' but for one that waits for an access token, and whose token has not been exchanged so far.

local answer = {}
for i = 4, #ARGV, 3 do
  local name, spec, fingerprint = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local a = read(name)
  local row = {}
  if a and a.present == '1' and a.fingerprint == fingerprint and a.spec == spec and a.owner == name then
    local is_good = in_service(a) and a.access ~= ''
    redis.call('ZADD', key('private'), int(NOW + tonumber(is_good and ARGV[2] or ARGV[3])), name)
    local waits = in_service(a) and not has_good_token(a) and a.version == '1'
    row = {a.state, has_good_token(a) and 1 or 0, cjson.encode(a.routes), waits and a.refresh or ''}
  end
  answer[#answer + 1] = row
end
return answer

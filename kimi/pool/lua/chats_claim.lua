-- Takes chats that are to be deleted. Each comes back by itself after as long as it has stood already, so that one
-- whose deletion fails is tried ever more rarely, and one whose taker dies is not lost. Those whose account is out of
-- service wait in the same way; where it only lacks a good token they wait for a moment. What has stood too long is
-- forgotten.
-- ARGV: now, how many, shortest wait, longest wait, age at which a chat is forgotten (all in milliseconds)
-- Returns chat with name, spec and access token of its account, chat, …

local chats, opened = key('chats'), key('chats', 'opened')
local most, least, longest = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

local too_old = int(NOW - tonumber(ARGV[5]))
for _, chat in ipairs(redis.call('ZRANGEBYSCORE', opened, '-inf', too_old, 'LIMIT', 0, 500)) do
  redis.call('ZREM', chats, chat)
  redis.call('ZREM', opened, chat)
end

local TOKEN = 10000 -- milliseconds in which a token is refreshed, as a rule

local taken = {}
for _, chat in ipairs(redis.call('ZRANGEBYSCORE', chats, '-inf', int(NOW), 'LIMIT', 0, 200)) do
  if #taken >= 3 * most then break end
  local age = NOW - tonumber(redis.call('ZSCORE', opened, chat) or '0')
  local wait = math.min(math.max(age, least), longest)
  local a = read(account_of(chat))
  local is_served = a and in_service(a)
  redis.call('ZADD', chats, int(NOW + (is_served and not has_good_token(a) and TOKEN or wait)), chat)
  if is_served and has_good_token(a) then
    taken[#taken + 1] = chat
    taken[#taken + 1] = a.spec
    taken[#taken + 1] = a.access
  end
end
return taken

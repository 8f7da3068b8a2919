-- Notes which chats stand at the upstreams, and from when on somebody else is to delete them.
-- ARGV: now, how many are kept at most, chat with name, milliseconds until then (none: it is deleted), chat, …
-- Returns how many of the oldest had to be forgotten.

local chats, opened = key('chats'), key('chats', 'opened')
for i = 3, #ARGV, 2 do
  local chat, wait = ARGV[i], tonumber(ARGV[i + 1])
  if wait then
    redis.call('ZADD', chats, int(NOW + wait), chat)
    redis.call('ZADD', opened, 'NX', int(NOW), chat)
  else
    redis.call('ZREM', chats, chat)
    redis.call('ZREM', opened, chat)
  end
end
local excess = math.max(0, redis.call('ZCARD', opened) - tonumber(ARGV[2]))
for _, chat in ipairs(excess > 0 and redis.call('ZRANGE', opened, 0, excess - 1) or {}) do
  redis.call('ZREM', chats, chat)
  redis.call('ZREM', opened, chat)
end
return excess

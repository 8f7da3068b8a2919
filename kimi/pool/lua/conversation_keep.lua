-- Records where a conversation can be continued, and from when on somebody is to delete its chat if nobody does.
-- ARGV: now, key of the conversation, chat with name, id of the last message, milliseconds that the record lives,
--       milliseconds until the chat may be deleted (none: never), the same for one that nobody can continue any more

local record, chat, due = key('conversation', ARGV[2]), ARGV[3], tonumber(ARGV[6])
local before = redis.call('GET', record)
local replaced = before and cjson.decode(before)[1]
if replaced and replaced ~= chat then
  redis.call('SET', key('replaced', replaced), '', 'PX', math.max(1, redis.call('PTTL', record)))
  redis.call('ZADD', key('chats'), 'XX', 'LT', int(NOW + tonumber(ARGV[7])), replaced)
end
redis.call('DEL', key('continued', ARGV[2]))
redis.call('SET', record, cjson.encode({chat, ARGV[4]}), 'PX', ARGV[5])
if due then
  redis.call('ZADD', key('chats'), int(NOW + due), chat)
  redis.call('ZADD', key('chats', 'opened'), int(NOW), chat) -- one that is used is as good as new
end
return 1

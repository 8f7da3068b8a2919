-- Takes the record of a conversation out, for one who continues it; its chat is left to him for a while.
-- ARGV: now, key of the conversation, milliseconds,
--       milliseconds for which others are told while somebody continues it (0: they are not)
-- Returns {chat with name, id of the last message}, or {} while somebody else continues it, or nothing.

local record, continued = key('conversation', ARGV[2]), key('continued', ARGV[2])
local found = redis.call('GET', record)
if not found then
  -- Who continues it says again and again that the chat is his; of one who has died nothing is heard any more.
  local chat = redis.call('GET', continued)
  local until_time = chat and redis.call('ZSCORE', key('chats'), chat)
  return until_time and tonumber(until_time) > NOW and {} or nil
end
redis.call('DEL', record)
local conversation = cjson.decode(found)
if conversation.of then -- only the other key of one that stands elsewhere, if nobody has continued it from there
  record = key('conversation', conversation.of)
  found = redis.call('GET', record)
  if not found or cjson.decode(found)[1] ~= conversation.chat then return nil end
  redis.call('DEL', record)
  conversation = cjson.decode(found)
end
redis.call('ZADD', key('chats'), 'XX', int(NOW + tonumber(ARGV[3])), conversation[1])
if ARGV[4] ~= '0' then redis.call('SET', continued, conversation[1], 'PX', ARGV[4]) end
return conversation

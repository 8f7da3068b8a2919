-- Takes the record of a conversation out, for one who continues it; its chat is left to him for a while.
-- ARGV: now, key of the conversation, milliseconds
-- Returns {chat with name, id of the last message}, or nothing.

local record = key('conversation', ARGV[2])
local found = redis.call('GET', record)
if not found then return nil end
redis.call('DEL', record)
local conversation = cjson.decode(found)
redis.call('ZADD', key('chats'), 'XX', int(NOW + tonumber(ARGV[3])), conversation[1])
return conversation

-- Takes the record of a conversation out if it still speaks of this chat, or did until another took its place.
-- ARGV: now, key of the conversation, chat with name
-- Returns 1, or 0 when somebody else has the chat.

local record = key('conversation', ARGV[2])
local found = redis.call('GET', record)
if found and cjson.decode(found)[1] == ARGV[3] then return redis.call('DEL', record) end
return redis.call('DEL', key('replaced', ARGV[3]))

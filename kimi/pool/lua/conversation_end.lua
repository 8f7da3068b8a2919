-- Takes the record of a conversation out if it still speaks of this chat.
-- ARGV: now, key of the conversation, chat with name
-- Returns 1, or 0 when somebody has continued it, or nobody ever will.

local record = key('conversation', ARGV[2])
local found = redis.call('GET', record)
if not found or cjson.decode(found)[1] ~= ARGV[3] then return 0 end
return redis.call('DEL', record)

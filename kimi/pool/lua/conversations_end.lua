-- Takes the records of conversations out that still speak of these chats, or did until another took its place.
-- ARGV: now, key of the conversation, chat with name, key, chat, …
-- Returns 1 for each, or 0 where somebody else has the chat.

local ended = {}
for i = 2, #ARGV, 2 do
  local record, chat = key('conversation', ARGV[i]), ARGV[i + 1]
  local found = redis.call('GET', record)
  if found and cjson.decode(found)[1] == chat then
    ended[#ended + 1] = redis.call('DEL', record)
  else
    ended[#ended + 1] = redis.call('DEL', key('replaced', chat))
  end
end
return ended

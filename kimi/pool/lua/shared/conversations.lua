-- Records where a conversation can be continued, and from when on somebody is to delete its chat if nobody does.
-- Takes the key of the conversation, its chat with name, the id of the last message, the milliseconds that the record
-- lives, those until the chat may be deleted (none: never), the same for one that nobody can continue any more,
-- another key of the conversation ('' for none), which leads to the first one, and the key by which it was found before
-- where that is another one ('' otherwise): nobody continues it from there any more.
local function keep_conversation(of, chat, message_id, lives, due, replaced_due, also, was)
  local record = key('conversation', of)
  local before = redis.call('GET', record)
  local replaced = before and cjson.decode(before)[1]
  if replaced and replaced ~= chat and also ~= '' then
    of, also = also, '' -- both can be continued: that one by its words, this one by a key of its own
    record = key('conversation', of)
  elseif replaced and replaced ~= chat then
    redis.call('SET', key('replaced', replaced), '', 'PX', math.max(1, redis.call('PTTL', record)))
    redis.call('ZADD', key('chats'), 'XX', 'LT', int(NOW + tonumber(replaced_due)), replaced)
  end
  redis.call('DEL', key('continued', of), key('continued', was))
  redis.call('SET', record, cjson.encode({chat, message_id}), 'PX', lives)
  if also ~= '' then redis.call('SET', key('conversation', also), cjson.encode({chat = chat, of = of}), 'PX', lives) end
  due = tonumber(due)
  if due then
    redis.call('ZADD', key('chats'), int(NOW + due), chat)
    redis.call('ZADD', key('chats', 'opened'), int(NOW), chat) -- one that is used is as good as new
  end
end

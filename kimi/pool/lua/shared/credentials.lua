-- Where the refresh tokens before the stored one stand, newest first, until the access token beside that was good once.
local PREVIOUS = {'previous', 'previous2', 'previous3', 'previous4'}

-- Whether nothing speaks for what a hash holds: its access token was refused, or none came with its refresh token.
local function is_doubted(hash)
  local rejected, alone, version = unpack(redis.call('HMGET', hash, 'rejected', 'alone', 'version'))
  return rejected == '1' or (alone and alone == version)
end

local function forget_previous(hash)
  redis.call('HDEL', hash, unpack(PREVIOUS))
end

-- Puts a refresh token in the place of the one that a hash holds. That stays behind it, and where nothing speaks for that,
-- those before it stay too: should it be none of the vendor's, one of them is the last that was. `spent` is which of
-- them the new one was given for; whatever came after that was none.
local function succeed(hash, refresh, spent)
  local before, words = {}, {'refresh', refresh}
  local earlier = is_doubted(hash) and PREVIOUS or {}
  for _, token in ipairs(redis.call('HMGET', hash, 'refresh', unpack(earlier))) do
    if not token or token == '' then break end
    if token == spent then before = {} end
    before[#before + 1] = token
  end
  -- Of many the middle goes: the oldest were good as a rule, and the newest may be.
  if #before > #PREVIOUS then table.remove(before, 3) end
  for i, field in ipairs(PREVIOUS) do
    words[#words + 1] = field
    words[#words + 1] = before[i] or ''
  end
  redis.call('HSET', hash, unpack(words))
end

-- What may be tried behind the refresh token of one hash goes with it to another; the access token does not.
local function hand_on_previous(from, to)
  local words = {'rejected', is_doubted(from) and '1' or '0'}
  for i, token in ipairs(redis.call('HMGET', from, unpack(PREVIOUS))) do
    words[#words + 1] = PREVIOUS[i]
    words[#words + 1] = token or ''
  end
  redis.call('HSET', to, unpack(words))
end

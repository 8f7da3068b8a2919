-- What is known of each line, and how many more refreshes may begin along it: `ways` has the `kinds` of lines by name,
-- `usual` for a line that has none, how many have `begun` along each in this call, and how many more may do so along
-- `unknown` and `silent` ones `together`; the names of those that `answer` are there besides.

-- So many lines are read at once, and so many pages of them in one call.
local PAGE_OF_LINES, MOST_PAGES = 64, 8

local IS_HEARD = {answers = true, fails = true}

local function has_room(ways, line)
  local kind = ways.kinds[line] or ways.usual
  if kind.known == 'silent' and ways.together.silent < 1 then return false end
  return kind.left > (ways.begun[line] or 0) and (IS_HEARD[kind.known] or ways.together.unknown > 0)
end

-- One more is under way.
local function go_along(ways, line)
  local known = (ways.kinds[line] or ways.usual).known
  ways.begun[line] = (ways.begun[line] or 0) + 1
  if not IS_HEARD[known] then ways.together.unknown = ways.together.unknown - 1 end
  if known == 'silent' then ways.together.silent = ways.together.silent - 1 end
end

-- Lines of a class with room, each with the place of the first in its queue: those that answer, then others. And whether
-- some have none. Where there are more than one page, those that answer are asked for by name, for however many others
-- stand before them; of the others it is the first and a page from anywhere.
local function lines_of(ways, class)
  local heads, seen, good, others, is_full = key('due', class), {}, {}, {}, false
  local function see(line, first)
    if seen[line] then return end
    seen[line] = true
    if not has_room(ways, line) then
      is_full = true
      return
    end
    local found = (ways.kinds[line] or ways.usual).known == 'answers' and good or others
    found[#found + 1] = {class = class, line = line, first = tonumber(first)}
  end
  local all = redis.call('ZCARD', heads)
  local answer = all > PAGE_OF_LINES and ways.answer or {}
  for i, first in ipairs(#answer > 0 and redis.call('ZMSCORE', heads, unpack(answer)) or {}) do
    if first then see(answer[i], first) end
  end
  for step = 1, math.min(MOST_PAGES, math.ceil(all / PAGE_OF_LINES)) do
    local from = step > 1 and any_of(all) or 0
    local page = redis.call('ZRANGE', heads, from, from + PAGE_OF_LINES - 1, 'WITHSCORES')
    for i = 1, #page, 2 do see(page[i], page[i + 1]) end
    if step > 1 and #good + #others > 0 then break end
  end
  return good, others, is_full
end

local function first_line(ways, lines)
  local first
  for _, each in ipairs(lines) do
    if each.first and (not first or each.first < first.first) and has_room(ways, each.line) then first = each end
  end
  return first
end

local function any_line(ways, lines)
  local from = any_of(#lines)
  for i = 1, #lines do
    local each = lines[(from + i - 1) % #lines + 1]
    if each.first and has_room(ways, each.line) then return each end
  end
end

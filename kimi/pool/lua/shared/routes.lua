local function public_routes_of(a)
  local spec, models, routes = cjson.decode(a.spec), cjson.decode(a.models), {}
  if spec.kind == 'moonshot' then
    -- What the operator names goes before what the key was found to list.
    if #spec.models > 0 then models = spec.models end
  else
    routes[1] = spec.kind
    -- Until an account of this kind has told its list, it may have any model that we know.
    if spec.kind == 'kimi' and #models == 0 then models = {'*'} end
  end
  for _, model in ipairs(models) do routes[#routes + 1] = spec.kind .. ':' .. model end
  return routes
end

-- An account with an owner serves along routes of its own, which nobody else asks for.
local function routes_of(a)
  local routes = public_routes_of(a)
  if a.owner == '' then return routes end
  for i, route in ipairs(routes) do routes[i] = route .. '@' .. a.owner end
  return routes
end

-- Enters the account with every route it serves, whatever its state, so that a model stays known while nobody can
-- serve it. To be followed by `settle`.
local function set_routes(name, a)
  leave(name, a)
  a.place, a.placed_priority = '', nil -- so that `settle` enters it anew, or nowhere
  local before, kept = a.routes, {}
  a.routes = routes_of(a)
  redis.call('HSET', key('account', name), 'routes', cjson.encode(a.routes))
  for _, route in ipairs(a.present == '1' and a.routes or {}) do
    kept[route] = true
    redis.call('SADD', key('route', route, 'members'), name)
    if a.owner == '' then redis.call('SADD', key('routes'), route) end
  end
  local stays = false
  for _, route in ipairs(before) do
    if kept[route] then
      stays = true
    else
      redis.call('SREM', key('route', route, 'members'), name)
      if redis.call('EXISTS', key('route', route, 'members')) == 0 then
        redis.call('SREM', key('routes'), route)
        -- The queue ends by itself: whoever waits may be served by the next one who comes.
        redis.call('DEL', key('route', route, 'priorities'), key('route', route, 'turns'))
      end
    end
  end
  if not stays then a.turn = 0 end -- in the queues of others it means nothing
end

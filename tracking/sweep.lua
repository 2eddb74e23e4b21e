-- Forgets technicians whose newest fix is older than a moment: a geo-set has no time of its own, so nothing leaves it by itself.
--
-- keys: 1 geo-set, 2 last-known hash, 3 sorted set of fix times
-- args: 1 moment in ms, 2 how many at most
-- answer: how many were forgotten
local function sweep(keys, args)
  local old = redis.call('ZRANGEBYSCORE', keys[3], '-inf', '(' .. args[1], 'LIMIT', 0, args[2])
  if #old > 0 then
    redis.call('ZREM', keys[1], unpack(old))
    redis.call('HDEL', keys[2], unpack(old))
    redis.call('ZREM', keys[3], unpack(old))
  end
  return #old
end

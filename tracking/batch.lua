-- The batch function: everything that one batch of fixes does to Redis, in one atomic call.
--
-- keys: 1 geo-set, 2 last-known hash, 3 sorted set of fix times, 4 stream, 5 answered batches, 6 fences, 7 stream state
-- args: 1 channel, 2 worker id, 3 batch id, 4 now in ms, 5 byte limit of the stream, 6 epoch to take if the stream is new,
--       7 head of the blob, then 9 values for each part: device, session_no (0 = not fenced), body, number of fixes,
--       technician ('' = moves no marker; each technician at most once), at_ms, lon ('' = not for the geo-set), lat, packed fix
-- answer: status (ok | repeated | busy), epoch, total, numbers of the superseded parts (from 0) joined by commas
local PART, FIRST = 9, 8
local WORKERS, WORKER_AGE_MS = 256, 3600000

local function repeated(keys, args)
  local known = redis.call('HGET', keys[5], args[2])
  if not known then return nil end
  local id, epoch, total, superseded = string.match(known, '^%d+|([^|]*)|([^|]*)|([^|]*)|(.*)$')
  if id ~= args[3] then return nil end
  return {'repeated', epoch, total, superseded}
end

local function remember(keys, args, answer)
  redis.call('HSET', keys[5], args[2], table.concat({args[4], args[3], answer[2], answer[3], answer[4]}, '|'))
  if redis.call('HLEN', keys[5]) <= WORKERS then return end
  local all = redis.call('HGETALL', keys[5])
  for i = 1, #all, 2 do
    local at = tonumber(string.match(all[i + 1], '^%d+'))
    if at < tonumber(args[4]) - WORKER_AGE_MS then redis.call('HDEL', keys[5], all[i]) end
  end
end

local function is_full(keys, args)
  local bytes = redis.call('MEMORY', 'USAGE', keys[4])
  return bytes and bytes > tonumber(args[5])
end

-- A session below the fence is superseded. After a flush there is no fence: the newest session that still speaks sets it again.
local function superseded_parts(keys, args)
  local devices, raised, out = {}, {}, {}
  for i = FIRST, #args, PART do devices[#devices + 1] = args[i] end
  local fences = redis.call('HMGET', keys[6], unpack(devices))
  for n, device in ipairs(devices) do
    local session = tonumber(args[FIRST + (n - 1) * PART + 1])
    local fence = raised[device] or tonumber(fences[n] or 0)
    if session > 0 and session < fence then
      out[n] = true
    elseif session > fence then
      raised[device] = session
      redis.call('HSET', keys[6], device, session)
    end
  end
  return out
end

-- Moves the markers of those technicians whose fix is newer than what is known of them.
local function move_markers(keys, args, superseded)
  local technicians, at = {}, {}
  for i = FIRST, #args, PART do
    if args[i + 4] ~= '' and not superseded[(i - FIRST) / PART + 1] then
      technicians[#technicians + 1], at[#at + 1] = args[i + 4], i
    end
  end
  if #technicians == 0 then return end
  local known = redis.call('ZMSCORE', keys[3], unpack(technicians))
  local times, last, geo, off = {}, {}, {}, {}
  for n, technician in ipairs(technicians) do
    local i = at[n]
    if not known[n] or tonumber(args[i + 5]) > tonumber(known[n]) then
      times[#times + 1], times[#times + 2] = args[i + 5], technician
      last[#last + 1], last[#last + 2] = technician, args[i + 8]
      if args[i + 6] == '' then
        off[#off + 1] = technician
      else
        geo[#geo + 1], geo[#geo + 2], geo[#geo + 3] = args[i + 6], args[i + 7], technician
      end
    end
  end
  if #times > 0 then
    redis.call('ZADD', keys[3], unpack(times))
    redis.call('HSET', keys[2], unpack(last))
  end
  if #geo > 0 then redis.call('GEOADD', keys[1], unpack(geo)) end
  if #off > 0 then redis.call('ZREM', keys[1], unpack(off)) end
end

-- Joins what is left into one blob: head, array of n (msgpack array 32), bodies.
local function blob_of(args, superseded)
  local bodies, fixes = {}, 0
  for i = FIRST, #args, PART do
    if not superseded[(i - FIRST) / PART + 1] then
      bodies[#bodies + 1] = args[i + 2]
      fixes = fixes + tonumber(args[i + 3])
    end
  end
  if #bodies == 0 then return nil, 0 end
  return args[7] .. '\221' .. struct.pack('>I4', #bodies) .. table.concat(bodies), fixes
end

local function append(keys, args, blob, fixes)
  local total = redis.call('HINCRBY', keys[7], 'total', fixes)
  redis.call('XADD', keys[4], '*', 'b', blob, 'n', fixes, 't', total)
  redis.call('PUBLISH', args[1], blob)
end

local function write_batch(keys, args)
  local before = repeated(keys, args)
  if before then return before end
  if is_full(keys, args) then return {'busy', '', '0', ''} end
  redis.call('HSETNX', keys[7], 'epoch', args[6])
  local superseded = superseded_parts(keys, args)
  local blob, fixes = blob_of(args, superseded)
  if blob then
    move_markers(keys, args, superseded)
    append(keys, args, blob, fixes)
  end
  local numbers = {}
  for n in pairs(superseded) do numbers[#numbers + 1] = n - 1 end
  local state = redis.call('HMGET', keys[7], 'epoch', 'total')
  local answer = {'ok', state[1], state[2] or '0', table.concat(numbers, ',')}
  remember(keys, args, answer)
  return answer
end

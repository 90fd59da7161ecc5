-- Messages of one batch, each with a result of its own, in order. KEYS[1] only says which node is meant.
-- ARGV: base, then for each message its kind and four values:
--   'i' inbox, header, payload, -            to an inbox: 1 accepted, 0 nobody there, -1 no room
--   'f' inbox, header, payload, -            a group message to one inbox: 1 accepted, 0 nobody there, -1 counted
--   'g' group, header, payload, -            to every inbox that has members: their number
--   'n' tag/channel, capacity, expiry, payload   to a normal channel: 1 accepted, -1 no room
-- Returns the results (or an error), and after them how many messages had expired in full channels.
--
-- To be kept true: an inbox has its stream and its hash, or is nobody's; `an - rn` messages and `ab - rb` bytes in it
-- are not taken yet; `d` group messages were dropped since the last entry, and the next entry stands behind a marker
-- that says so.

local inboxes, groups, lists, expired = {}, {}, {}, 0

local function look_up(name)
  local inbox = inboxes[name]
  if inbox ~= nil then return inbox end
  local key = meta_of(name)
  local found = redis.call('HMGET', key, 'c', 'b', 'an', 'ab', 'rn', 'rb', 'd')
  local is_whole = true
  for i = 1, 7 do is_whole = is_whole and tonumber(found[i]) end
  if is_whole then
    inbox = { key = key, stream = stream_of(name), c = tonumber(found[1]), b = tonumber(found[2]), an = tonumber(found[3]),
              ab = tonumber(found[4]), rn = tonumber(found[5]), rb = tonumber(found[6]), d = tonumber(found[7]) }
  else
    inbox = false
  end
  inboxes[name] = inbox
  return inbox
end

local function append(inbox, header, payload, counts)
  local size = #payload
  if inbox.an - inbox.rn >= inbox.c or inbox.ab - inbox.rb + size > inbox.b then
    if counts then
      inbox.d = inbox.d + 1
      inbox.changed = true
    end
    return -1
  end
  if inbox.d > 0 then
    inbox.last = redis.call('XADD', inbox.stream, 'NOMKSTREAM', '*', 'o', inbox.d) or inbox.last
    inbox.d = 0
  end
  local id = redis.call('XADD', inbox.stream, 'NOMKSTREAM', '*', header, payload)
  if not id then return 0 end  -- only the hash is there: the owner will find out
  inbox.an = inbox.an + 1
  inbox.ab = inbox.ab + size
  inbox.last = id
  inbox.changed = true
  return 1
end

local function to_group(group, header, payload)
  local members = groups[group]
  if not members then
    members = redis.call('ZRANGEBYSCORE', base .. 'g:{' .. group .. '}', '(' .. now, '+inf')
    groups[group] = members
  end
  for _, name in ipairs(members) do
    local inbox = look_up(name)
    if inbox then append(inbox, header, payload, true) end
  end
  return #members
end

-- Only when the list seems full is it looked at: expired entries do not count.
local function drop_expired(tag, channel, key)
  local before = expired
  while true do
    local entry = redis.call('LINDEX', key, 0)
    if not entry or deadline_in(entry) > now then break end
    redis.call('LPOP', key)
    expired = expired + 1
  end
  if expired == before and redis.call('HGET', rung_of(tag), channel) == 'm' then
    for _, entry in ipairs(redis.call('LRANGE', key, 0, -1)) do
      if deadline_in(entry) <= now then expired = expired + redis.call('LREM', key, 1, entry) end
    end
  end
end

-- What is asked of a list once for all messages of the batch: its length, and how long it lives yet.
local function list_at(path)
  local list = lists[path]
  if list then return list end
  local slash = string.find(path, '/', 1, true)
  local tag, channel = string.sub(path, 1, slash - 1), string.sub(path, slash + 1)
  local key = list_of(tag, channel)
  list = { tag = tag, channel = channel, key = key, length = redis.call('LLEN', key), life = redis.call('PTTL', key) }
  lists[path] = list
  return list
end

local function to_channel(path, capacity, expiry, payload)
  local list = list_at(path)
  if list.length >= capacity then
    drop_expired(list.tag, list.channel, list.key)
    list.length, list.life = redis.call('LLEN', list.key), redis.call('PTTL', list.key)
    if list.length >= capacity then return -1 end
  end
  local deadline = now + expiry + 1  -- 'now' is rounded down, and nothing expires before its time
  list.length = redis.call('RPUSH', list.key, pack_entry(deadline, payload))
  -- Only ever later: a short-lived message must not shorten the life of one before it.
  if list.life < expiry + AFTER then
    redis.call('PEXPIREAT', list.key, string.format('%.0f', deadline + AFTER))
    list.life = expiry + AFTER
  end
  if list.rung ~= deadline then
    ring(list.tag, list.channel, deadline)
    list.rung = deadline
  end
  return 1
end

local function deliver(i)
  local kind, place = ARGV[i], ARGV[i + 1]
  if kind == 'n' then return to_channel(place, tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3]), ARGV[i + 4]) end
  if kind == 'g' then return to_group(place, ARGV[i + 2], ARGV[i + 3]) end
  local inbox = look_up(place)
  return inbox and append(inbox, ARGV[i + 2], ARGV[i + 3], kind == 'f') or 0
end

local results = {}
for i = 2, #ARGV, 5 do
  -- A key of the wrong type is the trouble of one message, not of the batch.
  local done, result = pcall(deliver, i)
  if not done then result = { err = type(result) == 'table' and result.err or tostring(result) } end
  results[#results + 1] = result
end
for _, inbox in pairs(inboxes) do
  if inbox and inbox.changed then
    if inbox.last then
      redis.call('HSET', inbox.key, 'an', inbox.an, 'ab', inbox.ab, 'd', inbox.d, 'l', inbox.last)
    else
      redis.call('HSET', inbox.key, 'd', inbox.d)
    end
  end
end
results[#results + 1] = expired
return results

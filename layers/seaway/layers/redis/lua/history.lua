-- Whoever connects says which history the broker has. KEYS[1]: the history under which the lists of a tag are known.
-- ARGV: base, tag, history found, history that the caller knew ('' for none), '1' if a change of it is no loss, and of
-- a node of a Cluster that knows of no shards the id that it had before.
-- Returns how many messages were dropped because the lists may hold again what was handed out already (LAY-074).
--
-- To be kept true: nothing is dropped because a slot has moved. A history in a Cluster is 'shard:id'; a move changes the
-- shard, a failover never does. The new history is written last, so a call that ends half-way is done again.

local held = redis.call('GET', KEYS[1])
if held == ARGV[3] then
  redis.call('PEXPIRE', KEYS[1], 30 * DAY)
  return 0
end

local function is_loss(before)
  if before == '' or before == ARGV[3] then return false end
  local was, is = string.match(before, '^(.-):'), string.match(ARGV[3], '^(.-):')
  if was == is and was ~= '' then return true end
  return was == '' and is == '' and before == ':' .. ARGV[6]
end

local dropped = 0
if ARGV[5] ~= '1' and (is_loss(held or '') or is_loss(ARGV[4])) then
  for _, channel in ipairs(redis.call('HKEYS', rung_of(ARGV[2]))) do
    local key = list_of(ARGV[2], channel)
    dropped = dropped + redis.call('LLEN', key)
    redis.call('DEL', key)
  end
  redis.call('DEL', rung_of(ARGV[2]))
end
redis.call('SET', KEYS[1], ARGV[3], 'PX', 30 * DAY)
return dropped

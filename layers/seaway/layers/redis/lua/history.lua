-- Whoever connects says which history the broker has. KEYS[1]: the history under which the lists of a tag are known.
-- ARGV: base, tag, history found, history that the caller knew ('' for none), '1' if a change of it is no loss.
-- Returns how many messages were dropped because the lists may hold again what was handed out already (LAY-074).

local held = redis.call('GET', KEYS[1])
if held == ARGV[3] then
  redis.call('PEXPIRE', KEYS[1], 30 * DAY)
  return 0
end
redis.call('SET', KEYS[1], ARGV[3], 'PX', 30 * DAY)
local before = held or ARGV[4]
if before == '' or before == ARGV[3] or ARGV[5] == '1' then return 0 end
local dropped = 0
for _, channel in ipairs(redis.call('HKEYS', rung_of(ARGV[2]))) do
  local key = list_of(ARGV[2], channel)
  dropped = dropped + redis.call('LLEN', key)
  redis.call('DEL', key)
end
redis.call('DEL', rung_of(ARGV[2]))
return dropped

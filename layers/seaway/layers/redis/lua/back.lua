-- Messages that a reader took and could not give to anybody go back to the head. KEYS[1] says which node is meant.
-- ARGV: base, tag, then channel, milliseconds left, payload of each, the first to be taken last.

local tag = ARGV[2]
for i = 3, #ARGV, 3 do
  local key = list_of(tag, ARGV[i])
  local left = tonumber(ARGV[i + 1])
  redis.call('LPUSH', key, pack_entry(now + left, ARGV[i + 2]))
  if redis.call('PTTL', key) < left + AFTER then redis.call('PEXPIRE', key, string.format('%.0f', left + AFTER)) end
  ring(tag, ARGV[i], now + left)
end
return 1

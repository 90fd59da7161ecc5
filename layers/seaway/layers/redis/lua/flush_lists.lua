-- What waits in the normal channels of a tag is dropped. KEYS[1] says which node is meant. ARGV: base, tag. Returns how
-- many messages.

local dropped = 0
for _, channel in ipairs(redis.call('HKEYS', rung_of(ARGV[2]))) do
  local key = list_of(ARGV[2], channel)
  dropped = dropped + redis.call('LLEN', key)
  redis.call('DEL', key)
end
redis.call('DEL', rung_of(ARGV[2]))
return dropped

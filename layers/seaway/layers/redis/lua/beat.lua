-- The memberships of one inbox are renewed. KEYS: groups. ARGV: base, inbox, lease. Returns for each group the end of
-- its lease, negative if the membership had been gone. Members whose lease ended long ago are forgotten.

local ends = {}
for i, key in ipairs(KEYS) do
  local before = redis.pcall('ZSCORE', key, ARGV[2])
  if type(before) == 'table' then  -- the key is of another type: one that is spoilt must not cost the others
    redis.call('DEL', key)
    before = nil
  end
  local lease_end = now + tonumber(ARGV[3])
  if before and tonumber(before) > lease_end then lease_end = tonumber(before) end
  redis.call('ZADD', key, string.format('%.0f', lease_end), ARGV[2])
  redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.0f', now - tonumber(ARGV[3])))
  if redis.call('PTTL', key) < lease_end - now then redis.call('PEXPIRE', key, string.format('%.0f', lease_end - now)) end
  local alive = before and tonumber(before) > now
  ends[i] = (alive and '' or '-') .. string.format('%.0f', lease_end)
end
return ends

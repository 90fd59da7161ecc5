-- An inbox becomes a member of a group, or stays one. KEYS: group. ARGV: base, inbox, lease. Returns the end of its
-- lease, and 1 if it had been a member until now.
--
-- To be kept true: a score is the end of a lease, and only ever grows.

local before = redis.call('ZSCORE', KEYS[1], ARGV[2])
local lease_end = now + tonumber(ARGV[3])
if before and tonumber(before) > lease_end then lease_end = tonumber(before) end
redis.call('ZADD', KEYS[1], string.format('%.0f', lease_end), ARGV[2])
if redis.call('PTTL', KEYS[1]) < lease_end - now then redis.call('PEXPIRE', KEYS[1], string.format('%.0f', lease_end - now)) end
return { string.format('%.0f', lease_end), (before and tonumber(before) > now) and 1 or 0 }

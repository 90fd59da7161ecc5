-- What an inbox holds after the last id seen, without waiting. KEYS: stream, hash. ARGV: base, epoch, last id, how many.
-- Returns {0} if this is not the owner's inbox any more, else {1, entries, seconds, microseconds}.

local found = redis.call('HMGET', KEYS[2], 'e', 'w')
local epoch = tonumber(ARGV[2])
if not tonumber(found[1]) or not tonumber(found[2]) then return { 0 } end
if tonumber(found[2]) > epoch or tonumber(found[1]) < epoch then return { 0 } end
if redis.call('EXISTS', KEYS[1]) == 0 then return { 0 } end
return { 1, redis.call('XRANGE', KEYS[1], '(' .. ARGV[3], '+', 'COUNT', ARGV[4]), clock[1], clock[2] }

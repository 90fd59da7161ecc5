-- What an inbox holds after the last id seen, without waiting. KEYS: stream, hash. ARGV: base, epoch, last id, how many.
-- Returns {0} if this is not the owner's inbox any more, else {1, entries, seconds, microseconds}.

if redis.call('HGET', KEYS[2], 'e') ~= ARGV[2] or redis.call('EXISTS', KEYS[1]) == 0 then return { 0 } end
return { 1, redis.call('XRANGE', KEYS[1], '(' .. ARGV[3], '+', 'COUNT', ARGV[4]), clock[1], clock[2] }

-- The owner gives its inbox up. KEYS: stream, hash. ARGV: base, epoch. A later owner's inbox is left alone.

local epoch = redis.call('HGET', KEYS[2], 'e')
if epoch and tonumber(epoch) <= tonumber(ARGV[2]) then redis.call('DEL', KEYS[1], KEYS[2]) end
return 1

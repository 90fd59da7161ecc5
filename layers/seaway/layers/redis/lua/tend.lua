-- The owner says that it is alive and what it has taken. KEYS: stream, hash. ARGV: base, epoch, lease, first id to keep
-- ('' for none to drop), messages taken, bytes taken (both since the epoch began). Returns 1, or 0 if this is not the
-- owner's inbox any more.
--
-- To be kept true: it needs no memory. The first writing command is one that a full broker allows; then all are.

local found = redis.call('HMGET', KEYS[2], 'e', 'rn', 'rb', 'd', 'an', 'ab', 'c', 'b', 'w')
local epoch = tonumber(ARGV[2])
-- Its counters are right for the stream that it knows, also if a newer attach of the same owner is on its way.
for i = 1, 9 do
  if not tonumber(found[i]) then return 0 end  -- nobody's, or rubbish
end
if tonumber(found[9]) > epoch or tonumber(found[1]) < epoch then return 0 end
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
if ARGV[4] ~= '' then redis.call('XTRIM', KEYS[1], 'MINID', '=', ARGV[4]) end
local rn, rb = tonumber(ARGV[5]), tonumber(ARGV[6])
if rn > tonumber(found[2]) then  -- a late one tells nothing new
  redis.call('HSET', KEYS[2], 'rn', ARGV[5], 'rb', ARGV[6])
else
  rn, rb = tonumber(found[2]), tonumber(found[3])
end
local dropped = tonumber(found[4])
if dropped > 0 and tonumber(found[5]) - rn < tonumber(found[7]) and tonumber(found[6]) - rb < tonumber(found[8]) then
  local id = redis.call('XADD', KEYS[1], 'NOMKSTREAM', '*', 'o', dropped)
  redis.call('HSET', KEYS[2], 'd', 0, 'l', id)
end
return 1

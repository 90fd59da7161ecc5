-- What waits in an inbox is dropped: a marker tells its owner to. KEYS: stream, hash. ARGV: base. Returns how many messages
-- must have been taken before the marker has been seen, or -1 if there is nothing to wait for, as when a key was spoilt.

local found = redis.pcall('HMGET', KEYS[2], 'an', 'rn', 'd')
if found.err or not tonumber(found[1]) or redis.call('TYPE', KEYS[1]).ok ~= 'stream' then return -1 end
local id
if found[3] ~= '0' then id = redis.call('XADD', KEYS[1], 'NOMKSTREAM', '*', 'o', found[3]) end
if found[1] ~= found[2] then id = redis.call('XADD', KEYS[1], 'NOMKSTREAM', '*', 'x', '') end
if id then redis.call('HSET', KEYS[2], 'd', 0, 'l', id) end
return found[1] == found[2] and -1 or tonumber(found[1])

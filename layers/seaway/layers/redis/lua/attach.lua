-- The owner takes its inbox, new or again. KEYS: stream, hash. ARGV: base, the epoch that it expects (0: none), a fresh
-- one, last id seen, messages seen since that epoch began, lease, capacity, bytes, messages and bytes that the owner
-- holds and nobody has taken, '1' if the broker's history is another one, who the owner is (for who looks).
-- Returns {'late', the epoch there}; {'same'}; or {'new', what could still be read} in which case messages are missing before that.
--
-- To be kept true: epochs of an inbox only grow, so a late call of an abandoned connection does nothing; ids only grow,
-- so a position that was read up to stays one. The hash says in `w` which epoch made the stream: an owner whose expected
-- epoch is older has not got that answer, so what it said is said again.

local stream, meta = KEYS[1], KEYS[2]
local expected, fresh, seen = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]

local function later(one, other)
  local a, b = string.match(one, '(%d+)-(%d+)')
  local c, d = string.match(other or '', '(%d+)-(%d+)')
  if not c then return true end
  a, b, c, d = tonumber(a), tonumber(b), tonumber(c), tonumber(d)
  return a > c or (a == c and b > d)
end

-- What somebody else has put there is nobody's.
for key, kind in pairs({ [stream] = 'stream', [meta] = 'hash' }) do
  local is = redis.call('TYPE', key).ok
  if is ~= kind and is ~= 'none' then redis.call('DEL', key) end
end

local found = redis.call('HMGET', meta, 'e', 'an', 'l', 'd', 'w')
local epoch = tonumber(found[1]) or 0
if epoch >= fresh then return { 'late', epoch } end
local exists = redis.call('EXISTS', stream) == 1
if exists and expected > 0 and epoch >= expected and (tonumber(found[5]) or expected + 1) <= expected and ARGV[11] ~= '1'
    and (tonumber(found[2]) or -1) >= tonumber(ARGV[5]) and not later(seen, found[3]) then
  redis.call('PEXPIRE', stream, ARGV[6])  -- first, for a full broker allows it
  redis.call('PEXPIRE', meta, ARGV[6])
  redis.call('HSET', meta, 'e', fresh)
  return { 'same' }
end

local rest, last = {}, seen
if exists then
  rest = redis.call('XRANGE', stream, '(' .. seen, '+')
  if #rest > 0 then last = rest[#rest][1] end
end
-- An empty stream whose next id is above all that were seen, whatever the clock says.
local ms, number = string.match(last, '(%d+)-(%d+)')
local first = ms .. '-' .. string.format('%.0f', tonumber(number) + 1)
-- What found no room in front of the rest is part of the loss that is told there, without a number: of a copy that was
-- left behind the owner may have been told some of it already. Behind the rest it is news.
if #rest > 0 and rest[1][2][1] == 'o' then table.remove(rest, 1) end
if #rest > 0 and (tonumber(found[4]) or 0) > 0 then rest[#rest + 1] = { first, { 'o', found[4] } } end
local held, bytes = tonumber(ARGV[9]), tonumber(ARGV[10])
for _, entry in ipairs(rest) do
  if entry[2][1] ~= 'o' and entry[2][1] ~= 'x' then
    held = held + 1
    bytes = bytes + #entry[2][2]
  end
end
redis.call('DEL', stream, meta)
redis.call('XADD', stream, first, 'x', '')
redis.call('XDEL', stream, first)
redis.call('HSET', meta, 'e', fresh, 'w', fresh, 'by', ARGV[12], 'c', ARGV[7], 'b', ARGV[8], 'an', held, 'ab', bytes, 'rn', 0, 'rb', 0,
  'd', 0, 'l', first)
redis.call('PEXPIRE', stream, ARGV[6])
redis.call('PEXPIRE', meta, ARGV[6])
return { 'new', first, rest }

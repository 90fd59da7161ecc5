-- A reader asks for messages of normal channels. KEYS[1]: its answer. ARGV: base, tag, number of the request, life of the
-- answer, most bytes, then for each set of channels: how many messages are wanted, how many channels, the channels.
-- Returns {last bell, expired, {set, channel, milliseconds left, payload, …}, {channel found empty, …}}.
--
-- To be kept true: a request is answered once. Asked again it is answered the same; a late one is not answered at all.
-- So a reply that was lost costs nothing, and one that comes late takes nothing.

local number = tonumber(ARGV[3])
local held = redis.call('GET', KEYS[1])
if held then
  local bar = string.find(held, '|', 1, true)
  local last = tonumber(string.sub(held, 1, bar - 1))
  if last == number then return cmsgpack.unpack(string.sub(held, bar + 1)) end
  if last > number then return { '0-0', 0, {}, {} } end
end

local tag = ARGV[2]
local rung = rung_of(tag)
local room = tonumber(ARGV[5])
local taken, empty, expired = {}, {}, 0
local known_empty = {}

local function pop(channel)
  local key = list_of(tag, channel)
  while true do
    local entry = redis.call('LPOP', key)
    if not entry then
      redis.call('HDEL', rung, channel)
      return nil
    end
    local deadline = deadline_in(entry)
    if deadline == 0 then return 1, '' end  -- rubbish: the reader will count it
    local left = deadline - now
    if left > 0 then return left, string.sub(entry, 16) end
    expired = expired + 1
  end
end

local i, set = 6, 0
while i <= #ARGV do
  local wanted, count = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
  local turn = {}
  for j = 1, count do turn[j] = ARGV[i + 1 + j] end
  local head = 1
  while wanted > 0 and head <= #turn and room > 0 do
    local channel = turn[head]
    head = head + 1
    if not known_empty[channel] then
      local left, payload = pop(channel)
      if left then
        local n = #taken
        taken[n + 1], taken[n + 2], taken[n + 3], taken[n + 4] = set, channel, left, payload
        room = room - #payload
        wanted = wanted - 1
        turn[#turn + 1] = channel
      else
        known_empty[channel] = true
        empty[#empty + 1] = channel
      end
    end
  end
  i = i + 2 + count
  set = set + 1
end

local bells = redis.call('XREVRANGE', bell_of(tag), '+', '-', 'COUNT', 1)
local reply = { bells[1] and bells[1][1] or '0-0', expired, taken, empty }
redis.call('SET', KEYS[1], ARGV[3] .. '|' .. cmsgpack.pack(reply), 'PX', ARGV[4])
return reply

-- A reader asks for messages of normal channels. KEYS[1]: its answer. ARGV: base, tag, number of the request, life of the
-- answer, most bytes, then for each set of channels: how many messages are wanted, how many channels, the channels.
-- Returns {last bell, expired, {channel, milliseconds left, payload, …}, {channel found empty, …}}; the bell is '' unless a
-- channel was found empty: only then is there one to wait for.
--
-- To be kept true: a request is answered once. Asked again it is answered the same; a late one is not answered at all.
-- So a reply that was lost costs nothing, and one that comes late takes nothing.

local number = tonumber(ARGV[3])
local held = redis.call('GET', KEYS[1])
if held then
  local bar = string.find(held, '|', 1, true)
  local last = tonumber(string.sub(held, 1, bar - 1))
  if last == number then return cmsgpack.unpack(string.sub(held, bar + 1)) end
  if last > number then return { '', 0, {}, {} } end
end

local call, sub = redis.call, string.sub
local tag = ARGV[2]
local lists = list_of(tag, '')
local room = tonumber(ARGV[5])
local taken, empty, known_empty, expired = {}, {}, {}, 0

local i, last = 6, #ARGV
while i <= last do
  local wanted, count = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
  local turn = {}
  for j = 1, count do turn[j] = ARGV[i + 1 + j] end
  i = i + 2 + count
  local head = 1
  while wanted > 0 and head <= count and room > 0 do
    local channel = turn[head]
    local entry = not known_empty[channel] and call('LPOP', lists .. channel)
    if entry then
      local deadline = deadline_in(entry)
      if deadline == 0 or deadline > now then
        local n = #taken
        -- Rubbish has no deadline, and is handed out as nothing: the reader will count it.
        taken[n + 1], taken[n + 2], taken[n + 3] = channel, deadline - now, deadline == 0 and '' or sub(entry, 16)
        room = room - #entry
        wanted = wanted - 1
        count = count + 1
        turn[count] = channel
        head = head + 1
      else
        expired = expired + 1
      end
    else
      head = head + 1
      if not known_empty[channel] then
        call('HDEL', rung_of(tag), channel)
        known_empty[channel] = true
        empty[#empty + 1] = channel
      end
    end
  end
end

local bell = ''
if #empty > 0 then
  local bells = call('XREVRANGE', bell_of(tag), '+', '-', 'COUNT', 1)
  bell = bells[1] and bells[1][1] or '0-0'
end
local reply = { bell, expired, taken, empty }
call('SET', KEYS[1], ARGV[3] .. '|' .. cmsgpack.pack(reply), 'PX', ARGV[4])
return reply

-- In front of every script: the broker's time, and the keys. ARGV[1] is what all keys of a namespace begin with.

local base = ARGV[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function stream_of(inbox) return base .. 'i:{' .. inbox .. '}' end
local function meta_of(inbox) return base .. 'm:{' .. inbox .. '}' end
local function list_of(tag, channel) return base .. 'n:{' .. tag .. '}' .. channel end
local function rung_of(tag) return base .. 'r:{' .. tag .. '}' end
local function bell_of(tag) return base .. 'd:{' .. tag .. '}' end

-- A list lives this long after its last deadline, so that somebody may find and count what has expired in it.
local AFTER = 60000
local DAY = 86400000

-- To be kept true: a list that is not empty has a field in the hash of the rung. A reader that finds a list empty takes
-- the field away, and so will be told of the next message.
local function ring(tag, channel, deadline)
  local rung = rung_of(tag)
  local before = redis.call('HGET', rung, channel)
  if not before then
    local bell = bell_of(tag)
    redis.call('HSET', rung, channel, deadline)
    redis.call('PEXPIRE', rung, DAY)
    redis.call('XADD', bell, 'MAXLEN', '~', 1000, '*', 'c', channel)
    redis.call('PEXPIRE', bell, DAY)
  elseif string.sub(before, 1, 1) == 'm' then
    return
  elseif (tonumber(before) or 0) <= deadline then
    redis.call('HSET', rung, channel, deadline)
  else
    -- Mixed: what expires sooner may stand behind what expires later.
    redis.call('HSET', rung, channel, 'm')
  end
end

-- An entry of a list: the deadline in 15 digits, then the payload.
local function pack_entry(deadline, payload) return string.format('%015.0f', deadline) .. payload end
-- Of rubbish: 0.
local function deadline_in(entry) return tonumber(string.sub(entry, 1, 15)) or 0 end

-- An inbox has no members of a group any more. KEYS: group. ARGV: base, inbox, the score that its owner knows.
--
-- To be kept true: a removal that comes late takes nothing away that was written after it was sent.

local score = redis.call('ZSCORE', KEYS[1], ARGV[2])
if score and tonumber(score) <= tonumber(ARGV[3]) then redis.call('ZREM', KEYS[1], ARGV[2]) end
return 1

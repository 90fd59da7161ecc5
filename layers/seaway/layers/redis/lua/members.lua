-- Who has members of a group. KEYS: group. ARGV: base. Returns the inboxes. For a Cluster, where each may be elsewhere.

return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf')

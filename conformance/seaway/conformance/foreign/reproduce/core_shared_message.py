"""channels_redis core (LAY-094, not promised): the members of a group in one process get one and the same dict."""

import asyncio
import secrets
import sys

from channels_redis.core import RedisChannelLayer


async def main(url: str = "redis://127.0.0.1:6379") -> bool:
    """Return whether the defect shows."""
    layer = RedisChannelLayer(hosts=[url], prefix=secrets.token_hex(6))
    channels = [await layer.new_channel(), await layer.new_channel()]
    for channel in channels:
        await layer.group_add("group", channel)
    await layer.group_send("group", {"type": "test.message", "items": [1]})
    first, second = await layer.receive(channels[0]), await layer.receive(channels[1])
    first["items"].append("changed by the first")
    print("expected: each member has a message of its own: [1]")
    print(f"seen by the second: {second['items']}")
    await layer.close_pools()
    return bool(second["items"] != [1])


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))

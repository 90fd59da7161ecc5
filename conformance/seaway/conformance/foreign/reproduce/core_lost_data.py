"""channels_redis core (GRP-016): when the broker has lost its data, the members of a group are forgotten.

Their process still lives and receives; nothing adds them again, and ``group_send`` goes to nobody.
"""

import asyncio
import secrets
import sys

from channels_redis.core import RedisChannelLayer
from redis.asyncio import Redis


async def main(url: str = "redis://127.0.0.1:6379") -> bool:
    """Return whether the defect shows."""
    prefix = secrets.token_hex(6)
    layer = RedisChannelLayer(hosts=[url], prefix=prefix)
    channel = await layer.new_channel()
    await layer.group_add("group", channel)
    async with Redis.from_url(url) as broker:
        await broker.delete(*[key async for key in broker.scan_iter(f"{prefix}*")])
    await asyncio.sleep(1)
    await layer.group_send("group", {"type": "test.message"})
    print("expected: the member, which lives, gets the message")
    try:
        await asyncio.wait_for(layer.receive(channel), 2)
    except TimeoutError:
        print("seen: it got nothing within 2 seconds")
        return True
    finally:
        await layer.close_pools()
    print("seen: it got it")
    return False


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))

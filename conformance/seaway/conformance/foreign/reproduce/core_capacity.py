"""channels_redis core (LAY-081): capacity is counted first and used later, so concurrent sends exceed it."""

import asyncio
import secrets
import sys

from channels.exceptions import ChannelFull
from channels_redis.core import RedisChannelLayer


async def main(url: str = "redis://127.0.0.1:6379") -> bool:
    """Return whether the defect shows."""
    layer = RedisChannelLayer(hosts=[url], prefix=secrets.token_hex(6), capacity=3)
    sends = [layer.send("work", {"type": "test.message", "number": number}) for number in range(50)]
    results = await asyncio.gather(*sends, return_exceptions=True)
    accepted = sum(not isinstance(result, ChannelFull) for result in results)
    print("expected: of 50 concurrent sends a channel of capacity 3 accepts 3")
    print(f"seen: {accepted} were accepted")
    await layer.close_pools()
    return accepted > 3


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))

"""channels_redis core (GAP-003): while one consumer waits, what was accepted for a slower one is dropped unseen.

The one that waits takes from Redis for all of its process, into buffers that drop their oldest message when full.
"""

import asyncio
import secrets
import sys

from channels.exceptions import ChannelFull
from channels_redis.core import RedisChannelLayer


async def main(url: str = "redis://127.0.0.1:6379") -> bool:
    """Return whether the defect shows."""
    layer = RedisChannelLayer(hosts=[url], prefix=secrets.token_hex(6), capacity=3)
    waits, slow = await layer.new_channel(), await layer.new_channel()
    waiting = asyncio.ensure_future(layer.receive(waits))
    accepted, got = [], []
    for number in range(8):
        try:
            await layer.send(slow, {"type": "test.message", "number": number})
            accepted.append(number)
        except ChannelFull:
            pass
        await asyncio.sleep(0.05)
    waiting.cancel()
    await asyncio.wait([waiting])
    try:
        while True:
            got.append((await asyncio.wait_for(layer.receive(slow), 2))["number"])
    except TimeoutError:
        pass
    print(f"expected: what send accepted, {accepted}, or ChannelFull")
    print(f"seen: {got}")
    await layer.close_pools()
    return got != accepted


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))

"""channels_redis core (LAY-088): expiry is applied when somebody sends, never on ``receive``.

The key lives as long as the last message in it: an older one that has expired is delivered.
"""

import asyncio
import secrets
import sys
import time

from channels_redis.core import RedisChannelLayer


async def main(url: str = "redis://127.0.0.1:6379") -> bool:
    """Return whether the defect shows."""
    layer = RedisChannelLayer(hosts=[url], prefix=secrets.token_hex(6), expiry=2)
    begun = time.monotonic()
    await layer.send("work", {"type": "test.message", "number": 1})
    await asyncio.sleep(1.9)
    await layer.send("work", {"type": "test.message", "number": 2})
    await asyncio.sleep(1.6)
    message = await layer.receive("work")
    age = time.monotonic() - begun
    print("expected: message 1 is not delivered after its expiry of 2 seconds")
    print(f"seen: message {message['number']} was delivered {age:.1f} seconds after message 1 was sent")
    await layer.close_pools()
    return bool(message["number"] == 1 and age > 3)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))

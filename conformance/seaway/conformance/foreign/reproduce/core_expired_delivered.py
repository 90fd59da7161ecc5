"""channels_redis core (LAY-088): expiry is applied when somebody sends, never on ``receive``.

The key lives as long as the last message in it: an older one that has expired is delivered.
"""

import asyncio
import secrets
import sys
import time

from channels_redis.core import RedisChannelLayer


async def main(url: str) -> bool:
    """Return whether it happens."""
    layer = RedisChannelLayer(hosts=[url], prefix=secrets.token_hex(6), expiry=2)
    begun = time.monotonic()
    await layer.send("work", {"type": "test.message", "number": 1})
    await asyncio.sleep(1.9)
    await layer.send("work", {"type": "test.message", "number": 2})
    await asyncio.sleep(1.6)
    message = await layer.receive("work")
    age = time.monotonic() - begun
    print(f"message {message['number']} was delivered after {age:.1f} seconds, with an expiry of 2")
    await layer.close_pools()
    return bool(message["number"] == 1 and age > 3)


if __name__ == "__main__":
    sys.exit(not asyncio.run(main(sys.argv[1] if sys.argv[1:] else "redis://127.0.0.1:6379")))

"""channels_redis core (LAY-035, not promised): a message that no receiver can decode is accepted.

What may be in a message is the sender's duty in the old specification; the error meets the receiver.
"""

import asyncio
import secrets
import sys

from channels_redis.core import RedisChannelLayer


async def main(url: str = "redis://127.0.0.1:6379") -> bool:
    """Return whether the defect shows."""
    layer = RedisChannelLayer(hosts=[url], prefix=secrets.token_hex(6))
    await layer.send("work", {"type": "test.message", 17: "a key that is no str"})
    print("expected: send refuses what cannot be decoded")
    try:
        await layer.receive("work")
    except ValueError as error:
        print(f"seen: send returned, and receive raised {error!r}")
        return True
    finally:
        await layer.close_pools()
    print("seen: receive returned it")
    return False


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))

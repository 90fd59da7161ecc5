"""channels_redis core (LAY-103): ``flush`` removes the messages of every layer whose prefix begins alike."""

import asyncio
import secrets
import sys

from channels_redis.core import RedisChannelLayer


async def main(url: str = "redis://127.0.0.1:6379") -> bool:
    """Return whether the defect shows."""
    prefix = secrets.token_hex(6)
    one, other = RedisChannelLayer(hosts=[url], prefix=prefix), RedisChannelLayer(hosts=[url], prefix=f"{prefix}-2")
    await other.send("work", {"type": "test.message"})
    await one.flush()
    print(f"expected: flush of prefix {prefix!r} leaves prefix '{prefix}-2' alone")
    try:
        await asyncio.wait_for(other.receive("work"), 2)
    except TimeoutError:
        print("seen: the message of the other layer is gone")
        return True
    finally:
        await one.close_pools()
        await other.close_pools()
    print("seen: the message of the other layer came")
    return False


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))

"""channels_redis core (LAY-035): a message that no receiver can decode is accepted."""

import asyncio
import secrets
import sys

from channels_redis.core import RedisChannelLayer


async def main(url: str) -> bool:
    """Return whether it happens."""
    layer = RedisChannelLayer(hosts=[url], prefix=secrets.token_hex(6))
    await layer.send("work", {"type": "test.message", 17: "a key that is no str"})
    try:
        await layer.receive("work")
    except ValueError as error:
        print(f"send returned, and receive raised {error!r}; expected send to refuse it")
        return True
    finally:
        await layer.close_pools()
    return False


if __name__ == "__main__":
    sys.exit(not asyncio.run(main(sys.argv[1] if sys.argv[1:] else "redis://127.0.0.1:6379")))

"""channels_redis pubsub (LAY-043): what is sent to a normal channel before somebody waits there is lost."""

import asyncio
import secrets
import sys

from channels_redis.pubsub import RedisPubSubChannelLayer


async def main(url: str) -> bool:
    """Return whether it happens."""
    layer = RedisPubSubChannelLayer(hosts=[url])
    channel = f"work.{secrets.token_hex(6)}"
    await layer.send(channel, {"type": "test.message"})
    try:
        await asyncio.wait_for(layer.receive(channel), 2)
    except TimeoutError:
        print("send returned, and receive found nothing within 2 seconds; expected the message")
        return True
    finally:
        await layer.flush()
    return False


if __name__ == "__main__":
    sys.exit(not asyncio.run(main(sys.argv[1] if sys.argv[1:] else "redis://127.0.0.1:6379")))

"""channels_redis pubsub (LAY-039, LAY-043): what is sent to a normal channel before somebody waits there is lost."""

import asyncio
import secrets
import sys

from channels_redis.pubsub import RedisPubSubChannelLayer


async def main(url: str = "redis://127.0.0.1:6379") -> bool:
    """Return whether the defect shows."""
    layer = RedisPubSubChannelLayer(hosts=[url])
    channel = f"work.{secrets.token_hex(6)}"
    await layer.send(channel, {"type": "test.message"})
    print("expected: receive returns what was sent before it")
    try:
        await asyncio.wait_for(layer.receive(channel), 2)
    except TimeoutError:
        print("seen: it found nothing within 2 seconds")
        return True
    finally:
        await layer.flush()
    print("seen: it returned it")
    return False


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))

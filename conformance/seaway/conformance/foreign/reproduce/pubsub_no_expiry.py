"""channels_redis pubsub (LAY-088): a message is delivered however old it is; ``expiry`` is ignored."""

import asyncio
import sys

from channels_redis.pubsub import RedisPubSubChannelLayer


async def main(url: str = "redis://127.0.0.1:6379") -> bool:
    """Return whether the defect shows."""
    layer = RedisPubSubChannelLayer(hosts=[url], expiry=1)
    channel = await layer.new_channel()
    await layer.send(channel, {"type": "test.message"})
    await asyncio.sleep(3)
    print("expected: a message is not delivered after its expiry of 1 second")
    try:
        await asyncio.wait_for(layer.receive(channel), 1)
    except TimeoutError:
        print("seen: it was not")
        return False
    finally:
        await layer.flush()
    print("seen: it was delivered after 3 seconds")
    return True


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))

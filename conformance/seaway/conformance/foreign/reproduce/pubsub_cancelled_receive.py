"""channels_redis pubsub (LAY-075): a cancelled ``receive`` deletes its channel and what waits there."""

import asyncio
import sys

from channels_redis.pubsub import RedisPubSubChannelLayer


async def main(url: str = "redis://127.0.0.1:6379") -> bool:
    """Return whether the defect shows."""
    layer = RedisPubSubChannelLayer(hosts=[url])
    channel = await layer.new_channel()
    waiting = asyncio.ensure_future(layer.receive(channel))
    await asyncio.sleep(0)  # it waits now
    waiting.cancel()
    await asyncio.wait([waiting])
    await layer.send(channel, {"type": "test.message"})
    print("expected: a message sent after a receive was cancelled comes from the next receive")
    try:
        await asyncio.wait_for(layer.receive(channel), 2)
    except TimeoutError:
        print("seen: nothing came within 2 seconds")
        return True
    finally:
        await layer.flush()
    print("seen: it came")
    return False


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))

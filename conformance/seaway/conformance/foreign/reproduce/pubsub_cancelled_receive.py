"""channels_redis pubsub (LAY-075, GRP-017): a cancelled ``receive`` deletes its channel and what waits there."""

import asyncio
import sys

from channels_redis.pubsub import RedisPubSubChannelLayer


async def main(url: str) -> bool:
    """Return whether it happens."""
    layer = RedisPubSubChannelLayer(hosts=[url])
    channel = await layer.new_channel()
    waiting = asyncio.ensure_future(layer.receive(channel))
    await asyncio.sleep(0)  # it waits now
    waiting.cancel()
    await asyncio.wait([waiting])
    await layer.send(channel, {"type": "test.message"})
    try:
        await asyncio.wait_for(layer.receive(channel), 2)
    except TimeoutError:
        print("a receive was cancelled, and a message sent after it never came; expected it from the next receive")
        return True
    finally:
        await layer.flush()
    return False


if __name__ == "__main__":
    sys.exit(not asyncio.run(main(sys.argv[1] if sys.argv[1:] else "redis://127.0.0.1:6379")))

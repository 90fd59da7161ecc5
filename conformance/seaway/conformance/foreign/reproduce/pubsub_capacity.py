"""channels_redis pubsub (LAY-080, LAY-014): ``capacity`` is ignored, and so is an option that does not exist."""

import asyncio
import sys

from channels_redis.pubsub import RedisPubSubChannelLayer


async def main(url: str) -> bool:
    """Return whether it happens."""
    layer = RedisPubSubChannelLayer(hosts=[url], capacity=1, capactiy=1)
    channel = await layer.new_channel()
    for number in range(100):
        await layer.send(channel, {"type": "test.message", "number": number})
    got = [await asyncio.wait_for(layer.receive(channel), 2) for _ in range(100)]
    print(f"{len(got)} messages waited in a channel of capacity 1, and the misspelt option raised nothing")
    await layer.flush()
    return len(got) > 1


if __name__ == "__main__":
    sys.exit(not asyncio.run(main(sys.argv[1] if sys.argv[1:] else "redis://127.0.0.1:6379")))

"""channels_redis pubsub (LAY-080, LAY-014, not promised): ``capacity`` is ignored, and so is a misspelt option."""

import asyncio
import sys

from channels_redis.pubsub import RedisPubSubChannelLayer


async def main(url: str = "redis://127.0.0.1:6379") -> bool:
    """Return whether the defect shows."""
    layer = RedisPubSubChannelLayer(hosts=[url], capacity=1, capactiy=1)
    channel = await layer.new_channel()
    for number in range(100):
        await layer.send(channel, {"type": "test.message", "number": number})
    got = [await asyncio.wait_for(layer.receive(channel), 2) for _ in range(100)]
    print("expected: a channel of capacity 1 holds 1 message, and a misspelt option raises")
    print(f"seen: it held {len(got)}, and nothing was raised")
    await layer.flush()
    return len(got) > 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))

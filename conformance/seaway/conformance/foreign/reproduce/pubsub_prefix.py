"""channels_redis pubsub (LAY-018): layers with different prefixes get each other's messages.

Names of channels go to Redis as they are; only groups and the names that ``new_channel`` makes have the prefix.
"""

import asyncio
import secrets
import sys

from channels_redis.pubsub import RedisPubSubChannelLayer


async def main(url: str = "redis://127.0.0.1:6379") -> bool:
    """Return whether the defect shows."""
    one = RedisPubSubChannelLayer(hosts=[url], prefix="one")
    other = RedisPubSubChannelLayer(hosts=[url], prefix="other")
    channel = f"work.{secrets.token_hex(6)}"
    waiting = asyncio.ensure_future(one.receive(channel))
    await asyncio.sleep(1)  # it waits now
    await other.send(channel, {"type": "test.message"})
    done, _ = await asyncio.wait([waiting], timeout=2)
    print("expected: the layer with the prefix 'one' gets nothing from that with the prefix 'other'")
    print(f"seen: it got {'a message' if done else 'nothing'}")
    waiting.cancel()
    await asyncio.wait([waiting])
    for layer in (one, other):
        await layer.flush()
    return bool(done)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))

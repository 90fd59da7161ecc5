"""channels_redis pubsub (LAY-054): a message on a normal channel goes to every reader, not to one."""

import asyncio
import secrets
import sys

from channels_redis.pubsub import RedisPubSubChannelLayer


async def main(url: str) -> bool:
    """Return whether it happens."""
    channel = f"work.{secrets.token_hex(6)}"
    sender, *readers = [RedisPubSubChannelLayer(hosts=[url]) for _ in range(3)]
    tasks = [asyncio.ensure_future(layer.receive(channel)) for layer in readers]
    while any(channel not in layer.channels or not layer._shards[0]._subscribed_to for layer in readers):
        await asyncio.sleep(0.01)
    await sender.send(channel, {"type": "test.message"})
    done, _ = await asyncio.wait(tasks, timeout=2)
    print(f"1 message was delivered to {len(done)} readers; expected 1")
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for layer in (sender, *readers):
        await layer.flush()
    return len(done) > 1


if __name__ == "__main__":
    sys.exit(not asyncio.run(main(sys.argv[1] if sys.argv[1:] else "redis://127.0.0.1:6379")))

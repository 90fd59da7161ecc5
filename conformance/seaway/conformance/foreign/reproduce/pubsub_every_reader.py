"""channels_redis pubsub (LAY-054): a message on a normal channel goes to every reader, not to one."""

import asyncio
import secrets
import sys

from channels_redis.pubsub import RedisPubSubChannelLayer


async def main(url: str = "redis://127.0.0.1:6379") -> bool:
    """Return whether the defect shows."""
    channel = f"work.{secrets.token_hex(6)}"
    sender, *readers = [RedisPubSubChannelLayer(hosts=[url]) for _ in range(3)]
    tasks = [asyncio.ensure_future(layer.receive(channel)) for layer in readers]
    await asyncio.sleep(1)  # both wait now
    await sender.send(channel, {"type": "test.message"})
    done, _ = await asyncio.wait(tasks, timeout=2)
    print("expected: 1 message is delivered to 1 reader")
    print(f"seen: it was delivered to {len(done)}")
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for layer in (sender, *readers):
        await layer.flush()
    return len(done) > 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))

"""channels_redis core (LAY-054, LAY-073): with two readers of a normal channel messages are delivered twice.

Two layer objects stand for two processes: each has a lock of its own, and puts back what the other holds.
"""

import asyncio
import secrets
import sys

from channels_redis.core import RedisChannelLayer

COUNT = 1000


async def main(url: str = "redis://127.0.0.1:6379") -> bool:
    """Return whether the defect shows."""
    prefix = secrets.token_hex(6)
    sender, *readers = [RedisChannelLayer(hosts=[url], prefix=prefix, capacity=COUNT) for _ in range(3)]
    for number in range(COUNT):
        await sender.send("work", {"type": "test.message", "number": number})
    got: list[int] = []

    async def read(layer: RedisChannelLayer) -> None:
        while True:
            got.append((await layer.receive("work"))["number"])

    tasks = [asyncio.ensure_future(read(layer)) for layer in readers]
    before = -1
    while before != len(got):
        before = len(got)
        await asyncio.sleep(1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    print(f"expected: {COUNT} messages are delivered {COUNT} times")
    print(f"seen: {len(got)} deliveries of {len(set(got))} messages")
    for layer in (sender, *readers):
        await layer.close_pools()
    return len(got) > len(set(got))


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))

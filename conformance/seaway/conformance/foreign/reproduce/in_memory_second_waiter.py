"""InMemoryChannelLayer (LAY-053): of two that wait on one channel, the second is never served."""

import asyncio
import sys

from channels.layers import InMemoryChannelLayer


async def main() -> bool:
    """Return whether the defect shows."""
    layer = InMemoryChannelLayer()
    waiters = [asyncio.ensure_future(layer.receive("work")) for _ in range(2)]
    await asyncio.sleep(0)  # both wait now
    await layer.send("work", {"type": "test.message", "number": 1})
    await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
    await layer.send("work", {"type": "test.message", "number": 2})
    await asyncio.wait(waiters, timeout=1)
    served: int = sum(waiter.done() for waiter in waiters)
    print("expected: 2 waiters are served with 2 messages")
    print(f"seen: {served} of 2 were served")
    for waiter in waiters:
        waiter.cancel()
    return served < 2


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

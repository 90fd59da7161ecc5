"""InMemoryChannelLayer (LAY-082): messages that have expired still count against the capacity."""

import asyncio
import sys

from channels.exceptions import ChannelFull
from channels.layers import InMemoryChannelLayer


async def main() -> bool:
    """Return whether the defect shows."""
    layer = InMemoryChannelLayer(capacity=1, expiry=0.1)
    await layer.send("work", {"type": "test.message"})
    await asyncio.sleep(0.3)
    print("expected: send returns, for the only message there has expired")
    try:
        await layer.send("work", {"type": "test.message"})
    except ChannelFull:
        print("seen: send raised ChannelFull")
        return True
    print("seen: send returned")
    return False


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

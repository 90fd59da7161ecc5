"""InMemoryChannelLayer (LAY-082): messages that have expired still count against the capacity."""

import asyncio
import sys

from channels.exceptions import ChannelFull
from channels.layers import InMemoryChannelLayer


async def main() -> bool:
    """Return whether it happens."""
    layer = InMemoryChannelLayer(capacity=1, expiry=0.1)
    await layer.send("work", {"type": "test.message"})
    await asyncio.sleep(0.3)
    try:
        await layer.send("work", {"type": "test.message"})
    except ChannelFull:
        print("send raised ChannelFull, with nothing there but an expired message; expected it to return")
        return True
    return False


if __name__ == "__main__":
    sys.exit(not asyncio.run(main()))

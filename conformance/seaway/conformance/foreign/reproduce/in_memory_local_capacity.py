"""InMemoryChannelLayer (LAY-084, LAY-085): the channels of one process do not share their capacity."""

import asyncio
import sys

from channels.exceptions import ChannelFull
from channels.layers import InMemoryChannelLayer


async def main() -> bool:
    """Return whether the defect shows."""
    layer = InMemoryChannelLayer(capacity=2)
    first, second = await layer.new_channel(), await layer.new_channel()
    accepted = 0
    for channel in (first, first, second, second):
        try:
            await layer.send(channel, {"type": "test.message"})
            accepted += 1
        except ChannelFull:
            continue
    process = first.partition("!")[0] + "!"
    print(f"expected: {process!r} holds 2 messages, 'capacity is shared among all of the virtual channels inside it'")
    print(f"seen: it holds {accepted}")
    return accepted > 2


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

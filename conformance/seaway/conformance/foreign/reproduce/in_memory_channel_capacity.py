"""InMemoryChannelLayer (LAY-017, LAY-080): with any ``channel_capacity`` every ``send`` fails.

The base class leaves compiling the patterns to the layer, and this one does not.
"""

import asyncio
import sys

from channels.layers import InMemoryChannelLayer


async def main() -> bool:
    """Return whether the defect shows."""
    layer = InMemoryChannelLayer(channel_capacity={"work": 5})
    print("expected: send returns")
    try:
        await layer.send("work", {"type": "test.message"})
    except ValueError as error:
        print(f"seen: send raised {error!r}")
        return True
    print("seen: send returned")
    return False


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

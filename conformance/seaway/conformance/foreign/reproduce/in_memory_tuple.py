"""InMemoryChannelLayer (MSG-015): a tuple arrives as a tuple, as from no layer with a broker."""

import asyncio
import sys

from channels.layers import InMemoryChannelLayer


async def main() -> bool:
    """Return whether the defect shows."""
    layer = InMemoryChannelLayer()
    await layer.send("work", {"type": "test.message", "value": (1, 2)})
    value = (await layer.receive("work"))["value"]
    print("expected: [1, 2], 'tuples should be encoded as lists'")
    print(f"seen: {value!r}")
    return isinstance(value, tuple)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

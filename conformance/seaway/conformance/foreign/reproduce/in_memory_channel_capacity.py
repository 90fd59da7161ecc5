"""InMemoryChannelLayer (LAY-017): any ``channel_capacity`` makes ``send`` fail, for the patterns are never compiled."""

import asyncio
import sys

from channels.layers import InMemoryChannelLayer


async def main() -> bool:
    """Return whether it happens."""
    layer = InMemoryChannelLayer(channel_capacity={"work": 5})
    try:
        await layer.send("work", {"type": "test.message"})
    except ValueError as error:
        print(f"send raised {error!r}; expected it to return")
        return True
    return False


if __name__ == "__main__":
    sys.exit(not asyncio.run(main()))

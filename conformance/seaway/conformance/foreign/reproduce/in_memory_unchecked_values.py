"""InMemoryChannelLayer (MSG-010, LAY-033): values of any type and size are accepted, which other layers refuse."""

import asyncio
import sys

from channels.layers import InMemoryChannelLayer


async def main() -> bool:
    """Return whether it happens."""
    layer = InMemoryChannelLayer()
    await layer.send("work", {"type": "test.message", "value": object(), "text": "x" * 5_000_000})
    message = await layer.receive("work")
    print(f"delivered: {type(message['value'])} and {len(message['text'])} characters; expected an error from send")
    return type(message["value"]) is object and len(message["text"]) == 5_000_000


if __name__ == "__main__":
    sys.exit(not asyncio.run(main()))

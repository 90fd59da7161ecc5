"""InMemoryChannelLayer (MSG-003, LAY-033, not promised): values of any type and size are accepted.

The old specification gives a layer no duty to refuse them; the code that sends them fails with another layer only.
"""

import asyncio
import sys

from channels.layers import InMemoryChannelLayer


async def main() -> bool:
    """Return whether the defect shows."""
    layer = InMemoryChannelLayer()
    await layer.send("work", {"type": "test.message", "value": object(), "text": "x" * 5_000_000})
    message = await layer.receive("work")
    print("expected: an error from send")
    print(f"seen: {type(message['value'])} and {len(message['text'])} characters were delivered")
    return type(message["value"]) is object and len(message["text"]) == 5_000_000


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

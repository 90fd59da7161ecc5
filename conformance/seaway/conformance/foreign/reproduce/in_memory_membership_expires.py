"""InMemoryChannelLayer (GRP-017, not promised): one message that expires unread ends every membership of its channel.

The old specification allows that: no breach of what it promises, but a consumer loses its group without a word.
"""

import asyncio
import sys

from channels.layers import InMemoryChannelLayer


async def main() -> bool:
    """Return whether the defect shows."""
    layer = InMemoryChannelLayer(expiry=0.1)
    channel = await layer.new_channel()
    await layer.group_add("group", channel)
    await layer.send(channel, {"type": "test.message"})
    await asyncio.sleep(0.3)
    await layer.group_send("group", {"type": "test.message"})
    is_member = channel in layer.groups.get("group", {})
    print("expected: the channel is still a member")
    print(f"seen: it is {'still' if is_member else 'no longer'} a member")
    return not is_member


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

"""channels-nats (LAY-077): messages of one sender to one process-specific channel arrive in another order.

Direct and group messages come by different subscriptions, and each has a queue of its own. Its README says so.
"""

import asyncio
import secrets
import sys

from channels_nats import NatsChannelLayer

COUNT = 60


async def main(url: str = "nats://127.0.0.1:4222") -> bool:
    """Return whether the defect shows."""
    layer = NatsChannelLayer(servers=[url], prefix=secrets.token_hex(6))
    channel = await layer.new_channel()
    await layer.group_add("group", channel)
    for number in range(COUNT):
        message = {"type": "test.message", "number": number}
        await (layer.group_send("group", message) if number % 2 else layer.send(channel, message))
    got = [(await asyncio.wait_for(layer.receive(channel), 5))["number"] for _ in range(COUNT)]
    print(f"expected: 0 to {COUNT - 1} in order, from one writer to one reader")
    print(f"seen: {got[:12]} ...")
    await layer.close()
    return got != list(range(COUNT))


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))

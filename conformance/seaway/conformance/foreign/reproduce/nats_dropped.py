"""channels-nats (GAP-003): what ``send`` accepted for a channel that is full is dropped at the receiver.

Its README says so: a sender cannot see the receiver's queue.
"""

import asyncio
import secrets
import sys

from channels.exceptions import ChannelFull
from channels_nats import NatsChannelLayer


async def main(url: str = "nats://127.0.0.1:4222") -> bool:
    """Return whether the defect shows."""
    layer = NatsChannelLayer(servers=[url], prefix=secrets.token_hex(6), capacity=3)
    channel = await layer.new_channel()
    accepted, got = [], []
    for number in range(8):
        try:
            await layer.send(channel, {"type": "test.message", "number": number})
            accepted.append(number)
        except ChannelFull:
            pass
    await asyncio.sleep(1)
    try:
        while True:
            got.append((await asyncio.wait_for(layer.receive(channel), 2))["number"])
    except TimeoutError:
        pass
    print(f"expected: what send accepted, {accepted}, or ChannelFull")
    print(f"seen: {got}")
    await layer.close()
    return got != accepted


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))

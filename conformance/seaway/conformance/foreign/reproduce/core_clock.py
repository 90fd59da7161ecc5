"""channels_redis core (LAY-092): a sender whose clock is fast removes everybody's messages.

Order and expiry follow the clocks of senders: a ``send`` drops what is older than its own time less the expiry.
"""

import asyncio
import secrets
import sys
import time
from unittest import mock

from channels_redis.core import RedisChannelLayer


async def main(url: str = "redis://127.0.0.1:6379") -> bool:
    """Return whether the defect shows."""
    layer = RedisChannelLayer(hosts=[url], prefix=secrets.token_hex(6), expiry=60)
    for number in range(5):
        await layer.send("work", {"type": "test.message", "number": number})
    with mock.patch.object(time, "time", return_value=time.time() + 70):
        await layer.send("work", {"type": "test.message", "number": 5})
    got = []
    try:
        while True:
            got.append((await asyncio.wait_for(layer.receive("work"), 2))["number"])
    except TimeoutError:
        pass
    print("expected: 6 messages, none older than a second, with an expiry of 60")
    print(f"seen: {got}, after one sender's clock was 70 seconds ahead")
    await layer.close_pools()
    return len(got) < 6


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))

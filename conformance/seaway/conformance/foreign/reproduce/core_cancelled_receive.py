"""channels_redis core (LAY-075): a cancelled ``receive`` loses the message that it was about to return.

A message is at hand, and a call is cancelled after a few turns of the event loop.
"""

import asyncio
import secrets
import sys

from channels_redis.core import RedisChannelLayer

TURNS = 14


async def main(url: str = "redis://127.0.0.1:6379") -> bool:
    """Return whether the defect shows."""
    layer = RedisChannelLayer(hosts=[url], prefix=secrets.token_hex(6))
    sent, got = 0, []
    for channel in (await layer.new_channel(), "work"):
        for turns in range(TURNS):
            await layer.send(channel, {"type": "test.message", "number": sent})
            sent += 1
            call = asyncio.ensure_future(layer.receive(channel))
            for _ in range(turns):
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.wait([call])
            got += [] if call.cancelled() else [call.result()["number"]]
        try:
            while True:
                got.append((await asyncio.wait_for(layer.receive(channel), 2))["number"])
        except TimeoutError:
            continue
    lost = sorted(set(range(sent)) - set(got))
    print(f"expected: all of {sent} messages come, from a cancelled call or from a later one")
    print(f"seen: {lost} never came")
    await layer.close_pools()
    return bool(lost)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))

"""channels_redis pubsub (LAY-073): a reader fails with KeyError when another on its channel is cancelled."""

import asyncio
import secrets
import sys

from channels_redis.pubsub import RedisPubSubChannelLayer


async def main(url: str = "redis://127.0.0.1:6379") -> bool:
    """Return whether the defect shows."""
    layer = RedisPubSubChannelLayer(hosts=[url])
    channel = f"work.{secrets.token_hex(6)}"
    first = asyncio.ensure_future(layer.receive(channel))
    await asyncio.sleep(0)  # it subscribes now
    second = asyncio.ensure_future(layer.receive(channel))
    await asyncio.sleep(0)  # it waits now
    second.cancel()
    await asyncio.wait([first, second], timeout=1)
    error = first.exception() if first.done() else None
    print("expected: a reader goes on when another one on its channel is cancelled")
    print(f"seen: {f'it failed with {error!r}' if error else 'it goes on'}")
    first.cancel()
    await asyncio.wait([first])
    await layer.flush()
    return error is not None


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))

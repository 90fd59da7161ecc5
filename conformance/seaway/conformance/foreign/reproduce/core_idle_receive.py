"""channels_redis core (LAY-041): with redis-py 8 a ``receive`` fails after 5 seconds without a message.

The client's socket timeout is 5 seconds by default since then, and the layer's blocking pop waits as long. It is known
as django/channels_redis issue 422; ``"socket_timeout": None`` in ``hosts`` avoids it.
"""

import asyncio
import secrets
import sys

from channels_redis.core import RedisChannelLayer


async def main(url: str = "redis://127.0.0.1:6379") -> bool:
    """Return whether the defect shows."""
    layer = RedisChannelLayer(hosts=[url], prefix=secrets.token_hex(6))
    channel = await layer.new_channel()
    print("expected: receive waits until a message comes")
    try:
        await asyncio.wait_for(layer.receive(channel), 8)
    except TimeoutError:
        print("seen: it still waits after 8 seconds")
        return False
    except Exception as error:
        print(f"seen: {type(error).__name__}: {error}")
        return True
    finally:
        await layer.close_pools()
    return False


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))

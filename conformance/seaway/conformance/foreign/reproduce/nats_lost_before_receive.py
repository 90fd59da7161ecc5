"""channels-nats (LAY-039, LAY-043): what is sent to a normal channel before somebody waits there is lost.

Its README says so.
"""

import asyncio
import secrets
import sys

from channels_nats import NatsChannelLayer


async def main(url: str = "nats://127.0.0.1:4222") -> bool:
    """Return whether the defect shows."""
    layer = NatsChannelLayer(servers=[url], prefix=secrets.token_hex(6))
    await layer.send("work", {"type": "test.message"})
    print("expected: receive returns what was sent before it")
    try:
        await asyncio.wait_for(layer.receive("work"), 2)
    except TimeoutError:
        print("seen: it found nothing within 2 seconds")
        return True
    finally:
        await layer.close()
    print("seen: it returned it")
    return False


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))

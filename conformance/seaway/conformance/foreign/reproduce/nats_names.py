"""channels-nats (LAY-001, LAY-002): the check of names lets through what it says that it does not.

The expressions are those of Channels, with ``\\d`` and ``\\w``, which are not ASCII; its own check stops a newline.
"""

import asyncio
import sys

from channels_nats import NatsChannelLayer

NAMES = ("room٣", "specific!héllo")


async def main(url: str = "nats://127.0.0.1:4222") -> bool:
    """Return whether the defect shows."""
    layer = NatsChannelLayer(servers=[url])
    accepted = []
    for name in NAMES:
        try:
            await layer.send(name, {"type": "test.message"})
            accepted.append(name)
        except TypeError:
            continue
    print(f"expected: TypeError for each of {NAMES}, 'only ASCII alphanumerics, hyphens, underscores, or periods'")
    print(f"seen: {accepted} were accepted")
    await layer.close()
    return bool(accepted)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))

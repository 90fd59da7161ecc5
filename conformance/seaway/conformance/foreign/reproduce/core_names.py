"""channels_redis core (LAY-001, LAY-002): the check of names lets through what it says that it does not.

The expressions end with ``$``, which allows a newline, and use ``\\d`` and ``\\w``, which are not ASCII.
"""

import asyncio
import secrets
import sys

from channels_redis.core import RedisChannelLayer

NAMES = ("work\n", "room٣", "specific!héllo")


async def main(url: str = "redis://127.0.0.1:6379") -> bool:
    """Return whether the defect shows."""
    layer = RedisChannelLayer(hosts=[url], prefix=secrets.token_hex(6))
    accepted = []
    for name in NAMES:
        try:
            await layer.send(name, {"type": "test.message"})
            accepted.append(name)
        except TypeError:
            continue
    print(f"expected: TypeError for each of {NAMES}, 'only ASCII alphanumerics, hyphens, underscores, or periods'")
    print(f"seen: {accepted} were accepted")
    await layer.close_pools()
    return bool(accepted)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))

"""InMemoryChannelLayer (LAY-001, LAY-002): the check of names lets through what it says that it does not.

The expressions end with ``$``, which allows a newline, and use ``\\d`` and ``\\w``, which are not ASCII.
"""

import asyncio
import sys

from channels.layers import InMemoryChannelLayer

NAMES = ("work\n", "room٣", "specific!héllo")


async def main() -> bool:
    """Return whether the defect shows."""
    layer = InMemoryChannelLayer()
    accepted = []
    for name in NAMES:
        try:
            await layer.send(name, {"type": "test.message"})
            accepted.append(name)
        except TypeError:
            continue
    print(f"expected: TypeError for each of {NAMES}, 'only ASCII alphanumerics, hyphens, underscores, or periods'")
    print(f"seen: {accepted} were accepted")
    return bool(accepted)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

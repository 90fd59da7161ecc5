"""``python -m seaway.conformance.foreign.servers.reproduce [NAME ...]``: run the scripts here, print a table.

Each runs with every server that its first line names. The exit code is 0 if every defect shows; one that does not may
be mended in a newer version.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from attrs import frozen

from seaway.conformance.foreign import scripts as common


@frozen
class Script:
    """One script.

    Args:
        name: its module's name.
        servers: the columns of the matrix in which the defect shows.
        ids: the requirements that it is of.
        title: what it shows, in one sentence.
    """

    name: str
    servers: tuple[str, ...]
    ids: tuple[str, ...]
    title: str


def scripts() -> Iterator[Script]:
    """Yield all scripts, by name. They are read, not imported."""
    for head in common.heads(Path(__file__).parent, "plain"):
        yield Script(head.name, tuple(head.whose.split(", ")), head.ids, head.title)


def run(script: Script, server: str) -> tuple[int, str]:
    """Run *script* with *server*; return its exit code and what it said."""
    return common.run(f"{__package__}.{script.name}", server)


def main(names: Sequence[str]) -> int:
    """Run the scripts with these *names*, or all; return how many defects do not show."""
    found = list(scripts())
    unknown = set(names) - {script.name for script in found}
    if unknown:
        sys.exit(f"no such script: {', '.join(sorted(unknown))}")
    pairs = [(script, server) for script in found if script.name in names or not names for server in script.servers]
    hidden = 0
    with ThreadPoolExecutor(common.AT_ONCE) as pool:
        for (script, server), (code, said) in zip(pairs, pool.map(lambda pair: run(*pair), pairs), strict=True):
            hidden += not common.tell(f"{script.name}, {server}", script.ids, code, said)
    print(f"{hidden} of the defects do not show" if hidden else "all defects show")
    return hidden


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))

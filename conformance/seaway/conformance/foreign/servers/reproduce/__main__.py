"""``python -m seaway.conformance.foreign.servers.reproduce [NAME ...]``: run the scripts here, print a table.

Each runs with every server that its first line names. The exit code is 0 if every defect shows; one that does not may
be mended in a newer version.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from attrs import frozen

from seaway.conformance.remote import environment
from seaway.spec.registry import requirements

SECONDS = 120
"""A script may take so long."""

AT_ONCE = 4
"""So many run beside each other: they mostly wait."""

SHARED = ("__init__", "__main__", "plain")


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
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.stem in SHARED:
            continue
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        head = re.match(r"([^(]*) \(([^)]*)\):\s(.*)", " ".join(text.split()))
        if head is None:
            raise ValueError(f"{path}: expected a first line as in 'uvicorn, daphne (HTTP-082): what it shows'")
        ids = [one for one in head[2].split(", ") if one in requirements()]
        yield Script(path.stem, tuple(head[1].split(", ")), tuple(ids), head[3])


def run(script: Script, server: str) -> tuple[int, str]:
    """Run *script* with *server*; return its exit code and what it said."""
    words = [sys.executable, "-m", f"{__package__}.{script.name}", server]
    done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, env=environment(), check=False)
    return done.returncode, done.stdout if "seen" in done.stdout else done.stdout + done.stderr


def main(names: Sequence[str]) -> int:
    """Run the scripts with these *names*, or all; return how many defects do not show."""
    found = list(scripts())
    unknown = set(names) - {script.name for script in found}
    if unknown:
        sys.exit(f"no such script: {', '.join(sorted(unknown))}")
    pairs = [(script, server) for script in found if script.name in names or not names for server in script.servers]
    hidden = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for (script, server), (code, said) in zip(pairs, pool.map(lambda pair: run(*pair), pairs), strict=True):
            shows = code == 1 and "seen" in said
            hidden += not shows
            verdict = "shows" if shows else "does not show" if code == 0 else "FAILED"
            print(f"{script.name:<30} {server:<12} {verdict:<14} {', '.join(script.ids)}")
            print("".join(f"    {line}\n" for line in said.splitlines()), end="", flush=True)
    print(f"{hidden} of the defects do not show" if hidden else "all defects show")
    return hidden


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))

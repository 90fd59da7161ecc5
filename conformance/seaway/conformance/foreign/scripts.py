"""What the scripts of failures have in common, of layers and of servers: how one is read, run, told of.

Rules of this module: scripts are read, not imported.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import frozen

from seaway.conformance.remote import environment
from seaway.spec.registry import requirements

SECONDS = 120
"""A script may take so long."""

AT_ONCE = 4
"""So many run beside each other: they mostly wait."""


@frozen
class Head:
    """The first line of a script: ``whose (LAY-001, note): what it shows``.

    Args:
        name: the script's module.
        whose: what stands before the bracket.
        inside: what stands in it.
        title: the sentence behind it.
    """

    name: str
    whose: str
    inside: str
    title: str

    @property
    def ids(self) -> tuple[str, ...]:
        """The requirements that stand in the bracket."""
        return tuple(one for one in self.inside.split(", ") if one in requirements())


def heads(folder: Path, *shared: str) -> Iterator[Head]:
    """Yield the heads of the scripts in *folder*, by name; *shared*: modules there that are none.

    Raises:
        ValueError: a script has no such first line.
    """
    for path in sorted(folder.glob("*.py")):
        if path.stem.startswith("__") or path.stem in shared:
            continue
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        head = re.match(r"([^(]*) \(([^)]*)\): (.*)", text)
        if head is None:
            raise ValueError(f"{path}: expected a first line as in 'whose (LAY-001): what it shows'")
        yield Head(path.stem, *head.groups())


def run(module: str, *arguments: str) -> tuple[int, str]:
    """Run the script *module*; return its exit code and what it said."""
    words = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, env=environment(), check=False)
    return done.returncode, done.stdout if "seen" in done.stdout else done.stdout + done.stderr


def tell(name: str, ids: Sequence[str], code: int, said: str) -> bool:
    """Print how a script ended; return whether the defect shows."""
    shows = code == 1 and "seen" in said
    verdict = "shows" if shows else "does not show" if code == 0 else "FAILED"
    print(f"{name:<42} {verdict:<14} {', '.join(ids)}")
    print("".join(f"    {line}\n" for line in said.splitlines()), end="", flush=True)
    return shows

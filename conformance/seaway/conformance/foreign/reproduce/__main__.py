"""``python -m seaway.conformance.foreign.reproduce [NAME ...]``: run the scripts of this package, print a table.

It starts the brokers. The exit code is 0 if every defect shows; one that does not may be mended in a newer version.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from attrs import frozen

from seaway.conformance.foreign import brokers
from seaway.conformance.foreign import scripts as common

BROKERS: dict[str, type[brokers.Broker]] = {"core": brokers.Valkey, "pubsub": brokers.Valkey, "nats": brokers.Nats}
LAYERS = {"in": "InMemory", "core": "Core", "pubsub": "PubSub", "nats": "Nats"}
"""The first word of a script's name to the layer's name in the matrix."""


@frozen
class Script:
    """One script.

    Args:
        name: its module's name.
        ids: the requirements that it is of.
        title: what it shows, in one sentence.
        promised: whether the old interface promises what is broken.
    """

    name: str
    ids: tuple[str, ...]
    title: str
    promised: bool

    @property
    def layer(self) -> str:
        """The layer's name in the matrix."""
        return LAYERS[self.name.partition("_")[0]]


def scripts() -> Iterator[Script]:
    """Yield all scripts, by name. They are read, not imported."""
    for head in common.heads(Path(__file__).parent):
        yield Script(head.name, head.ids, head.title, "not promised" not in head.inside)


def run(script: Script) -> tuple[int, str]:
    """Run *script*; return its exit code and what it said."""
    kind = BROKERS.get(script.name.partition("_")[0])
    return common.run(f"{__package__}.{script.name}", *([brokers.address(kind)] if kind else []))


def main(names: Sequence[str]) -> int:
    """Run the scripts with these *names*, or all; return how many defects do not show."""
    unknown = set(names) - {script.name for script in scripts()}
    if unknown:
        sys.exit(f"no such script: {', '.join(sorted(unknown))}")
    hidden = 0
    try:
        chosen = [script for script in scripts() if script.name in names or not names]
        for kind in {BROKERS[script.name.partition("_")[0]] for script in chosen if script.layer != "InMemory"}:
            brokers.address(kind)
        with ThreadPoolExecutor(common.AT_ONCE) as pool:
            ended = pool.map(run, chosen)
        for script, (code, said) in zip(chosen, ended, strict=True):
            hidden += not common.tell(script.name, script.ids, code, said)
    finally:
        brokers.stop_all()
    print(f"{hidden} of the defects do not show" if hidden else "all defects show")
    return hidden


if __name__ == "__main__":
    try:
        sys.exit(min(main(sys.argv[1:]), 1))
    except brokers.ForeignError as error:
        sys.exit(str(error))

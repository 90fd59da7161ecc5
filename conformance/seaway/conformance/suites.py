"""The two suites: of layers and of servers; what each tests, and what its tests may need.

Rules of this module: data only. Tests are found in the package of their suite.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files

from attrs import frozen

from seaway.conformance.serving.profile import OFFERS, SETTINGS
from seaway.spec.registry import requirements


@frozen(eq=False)
class Suite:
    """A suite.

    Args:
        name: of what it tests: ``"layer"`` or ``"server"``.
        classes: the conformance classes whose requirements it tests.
        package: where its tests are.
        needs: what a test may need, and how the report names it.
        declared: those of them that a program declares that it has not, and conforms without: extensions, protocols,
            a flavour. What is missing beside them was not tried, and the verdict is incomplete.
        profiles: the verdicts that a report ends in.
        unlisted: file with the requirements that it does not test, each with the reason.
    """

    name: str
    classes: frozenset[str]
    package: str
    needs: Mapping[str, str]
    declared: frozenset[str]
    profiles: tuple[str, ...]
    unlisted: str

    def requirements(self) -> list[str]:
        """Return the identifiers of the requirements that it is about."""
        return [one.id for one in requirements().values() if self.classes.intersection(one.classes)]

    def untested(self) -> dict[str, str]:
        """Return those that it does not test, each with the reason."""
        text = (files("seaway.conformance") / self.unlisted).read_text(encoding="utf-8")
        reasons: dict[str, str] = json.loads(text)
        return reasons


LAYER = Suite(
    name="layer",
    classes=frozenset({"async layer", "sync layer", "flush", "statistics"}),
    package="seaway.conformance.layer",
    needs={
        "async": "an asynchronous layer",
        "sync": "a synchronous layer",
        "peer": "a second object on the same backend",
        "other flavour": "an object of the other flavour on the same backend",
        "process": "an object in another process on the same backend",
        "import": "a target that another process can import",
        "broker": "the harness's hook broker()",
        "freeze": "the action 'freeze' of the harness's hook broker()",
        "promote": "the action 'promote' of the harness's hook broker()",
        "link": "the harness's hook link()",
        "forget": "the harness's hook forget()",
        "spoil": "the harness's hook spoil()",
        "residue": "the harness's hook residue()",
        "broker clock": "a broker with a clock of its own",
        "fork": "a target that another process can import, and a system that forks",
        "flush": 'the extension "flush"',
        "statistics": 'the extension "statistics"',
        "no flush": 'no extension "flush"',
        "no statistics": 'no extension "statistics"',
        "url": "a memory:// URL",
    },
    declared=frozenset({"async", "sync", "other flavour", "flush", "statistics", "no flush", "no statistics"})
    | {"promote", "broker clock", "import", "fork", "url"},
    profiles=("async layer", "sync layer", "flush", "statistics", "processes", "faults"),
    unlisted="untested.json",
)

SERVER = Suite(
    name="server",
    classes=frozenset({"async server", "sync server", "http2"}),
    package="seaway.conformance.server",
    needs={
        **OFFERS,
        **{name: f"the setting {name}" for name in SETTINGS},
        "limited descriptors": "a system where the file descriptors of another process can be limited",
        "memory peak": "a system that tells the memory of another process",
        "no sync applications": "a server that does not run synchronous applications",
        "no async applications": "a server that does not run asynchronous applications",
    },
    declared=frozenset({"http", "websocket", "lifespan", "http2", "file", "compression", "several processes"})
    | {"sync applications", "async applications", "no sync applications", "no async applications"}
    | {"limited descriptors", "memory peak"},
    profiles=("async server", "sync server", "http", "websocket", "lifespan", "processes", "http2"),
    unlisted="untested_server.json",
)

SUITES = {suite.name: suite for suite in (LAYER, SERVER)}
"""The suites by name."""

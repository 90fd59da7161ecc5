"""A layer as the target of the suite: ``--layer=TARGET``.

Rules of this module: no pytest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from seaway.conformance.cases import Case
from seaway.conformance.face import Limits
from seaway.conformance.harness import LayerHarness
from seaway.conformance.runner import Result, offered, run
from seaway.conformance.suites import LAYER
from seaway.conformance.target import load, parse_options, shown
from seaway.conformance.world import Subject, subjects


class LayerTarget:
    """A layer to be tested, as *harness* makes it; *name*: what ``--layer`` was."""

    suite = LAYER
    flavour = ""  # a layer may have both

    def __init__(self, harness: LayerHarness, name: str) -> None:
        self.harness = harness
        self.name = name
        self.subjects = subjects(harness)

    @classmethod
    def load(cls, name: str, pairs: Iterable[str], directory: str) -> LayerTarget:
        """Return the target that *name* names. `TargetError`: it cannot be tested."""
        return cls(load(name, parse_options(pairs), directory), shown(name))

    def again(self, subject: Subject) -> tuple[str, str]:
        """Return the options that test this again, and what chooses *subject* in ``-k``."""
        return f"--layer={self.name}", subject.name

    def fits(self, case: Case, subject: Subject) -> bool:
        """Return whether *case* is for the flavour of *subject*."""
        return ("sync" if subject.is_async else "async") not in case.needs

    def at_once(self, selected: Sequence[Case]) -> list[Case]:
        """Return none: what a layer offers is found by trial, and before that it must have passed smoke."""
        return []

    def beside(self, case: Case, selected: Sequence[Case]) -> list[Case]:
        """Return the cases that run at the same time as *case*: if it waits, those of *selected* that do too."""
        return [one for one in selected if one.waits] if case.waits else [case]

    def run(self, cases: Sequence[Case], subject: Subject, limits: Limits) -> list[Result]:
        """Run *cases* side by side."""
        return run(cases, self.harness, subject, limits, smoke_first=True)

    def base(self, subject: Subject) -> frozenset[str]:
        """Return what is offered before anything was tried."""
        return frozenset({"async" if subject.is_async else "sync"})

    def offered(self, subject: Subject, limits: Limits) -> frozenset[str]:
        """Return which needs this layer offers, by what the harness says or by trial."""
        return offered(self.harness, subject, limits)

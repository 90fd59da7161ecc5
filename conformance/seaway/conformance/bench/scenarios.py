"""What a scenario is: contenders that do the same work, and the figures that they are compared by."""

import importlib.util
from collections.abc import Callable
from typing import Final

import attrs

from seaway.conformance.bench.report import Goal, Metric, Role, Sample

PER_SECOND: Final = Metric("per_second", "per second", "1/s", "higher")
PER_CPU_SECOND: Final = Metric("per_cpu_second", "per CPU second", "1/s", "higher")
KIBIBYTES: Final = Metric("kibibytes", "memory each", "KiB", "lower")


@attrs.frozen
class Contender:
    """One who takes part: `measure` takes seconds and returns a sample, or raises `BenchError`."""

    name: str
    role: Role
    measure: Callable[[float], Sample]
    modules: tuple[str, ...] = ()
    install: str = ""

    def missing(self) -> str | None:
        """Return what it lacks and the command that installs it, or None."""
        absent = [module for module in self.modules if importlib.util.find_spec(module) is None]
        if not absent:
            return None
        lacks = "" if absent == [self.name] else f" (no module {', '.join(absent)})"
        return f"{self.name} is missing{lacks}: install it with `{self.install}`"


@attrs.frozen
class Scenario:
    """Contenders side by side. `blocked` says what the machine lacks for all of them."""

    work: str
    name: str
    title: str
    metrics: tuple[Metric, ...]
    goals: tuple[Goal, ...]
    contenders: tuple[Contender, ...]
    blocked: str | None = None

    @property
    def label(self) -> str:
        """Return how progress and tables call it."""
        return f"{self.work} {self.name}"

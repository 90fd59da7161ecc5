"""The suite's tests as data: which requirement each tests, what it needs, and on what it runs.

Rules of this module: it reads the marks on test functions; it runs nothing.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable, Coroutine, Iterable, Iterator
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from attrs import frozen

from seaway.conformance import layer
from seaway.conformance.world import World
from seaway.spec.registry import requirements

CLASSES = frozenset({"async layer", "sync layer", "flush", "statistics"})
"""The conformance classes that this suite tests."""

NEEDS = {
    "async": "an asynchronous layer",
    "sync": "a synchronous layer",
    "peer": "a second object on the same backend",
    "other flavour": "an object of the other flavour on the same backend",
    "process": "an object in another process on the same backend",
    "import": "a target that another process can import",
    "broker": "the harness's hook broker()",
    "residue": "the harness's hook residue()",
    "broker clock": "a broker with a clock of its own",
    "fork": "a target that another process can import, and a system that forks",
    "flush": 'the extension "flush"',
    "statistics": 'the extension "statistics"',
    "no flush": 'no extension "flush"',
    "no statistics": 'no extension "statistics"',
    "url": "a memory:// URL",
}
"""What a test may need, and how the report names it."""

Function = Callable[[World], Coroutine[Any, Any, None]]


class SuiteError(Exception):
    """A test of the suite itself is not right."""


@frozen
class Case:
    """One test of the suite.

    Args:
        name: stable, such as ``"layer.names.refused"``.
        function: the test.
        ids: the requirements that it tests.
        needs: what it needs, of `NEEDS`.
        waits: whether it mostly waits for time to pass, and so runs beside others like it.
    """

    name: str
    function: Function
    ids: tuple[str, ...]
    needs: frozenset[str]
    waits: bool

    @property
    def is_smoke(self) -> bool:
        """Whether nothing else makes sense if this fails."""
        return self.name.startswith("layer.smoke.")


def case_of(function: Function) -> Case:
    """Return *function* as a case, from its marks.

    Raises:
        SuiteError: it has no ``req``, or one that names no requirement of a layer, or a need that is not known.
    """
    marks = list(getattr(function, "pytestmark", ()))
    name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}".replace("test_", "")
    ids = tuple(identifier for mark in marks if mark.name == "req" for identifier in mark.args)
    needs = frozenset(need for mark in marks if mark.name == "needs" for need in mark.args)
    if not ids:
        raise SuiteError(f"{name}: expected a requirement, as in @pytest.mark.req('LAY-012')")
    for identifier in ids:
        requirement = requirements().get(identifier)
        if requirement is None or not CLASSES.intersection(requirement.classes):
            raise SuiteError(f"{name}: {identifier!r} is no requirement of a layer")
    if unknown := needs - NEEDS.keys():
        raise SuiteError(f"{name}: needs {sorted(unknown)}, expected of {sorted(NEEDS)}")
    return Case(f"layer.{name}", function, ids, needs, any(mark.name == "waits" for mark in marks))


def cases_of(module: ModuleType) -> Iterator[Case]:
    """Yield the cases of a test module, in the order in which they stand."""
    for name, function in vars(module).items():
        if name.startswith("test_") and inspect.iscoroutinefunction(function):
            yield case_of(function)


@cache
def all_cases() -> tuple[Case, ...]:
    """Return every case of the suite, smoke first."""
    modules = sorted(one.name for one in pkgutil.iter_modules(layer.__path__) if one.name.startswith("test_"))
    found = [case for name in modules for case in cases_of(import_module(f"{layer.__name__}.{name}"))]
    return tuple(sorted(found, key=lambda case: not case.is_smoke))


def layer_requirements() -> list[str]:
    """Return the identifiers of all requirements that bind layers."""
    return [one.id for one in requirements().values() if CLASSES.intersection(one.classes)]


def covered(cases: Iterable[Case]) -> set[str]:
    """Return the identifiers that *cases* test."""
    return {identifier for case in cases for identifier in case.ids}

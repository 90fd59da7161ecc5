"""The tests of both suites as data: which requirement each tests, what it needs, and on what it runs.

Rules of this module: it reads the marks on test functions; it runs nothing.
"""

from __future__ import annotations

import inspect
import pkgutil
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from attrs import frozen

from seaway.conformance.suites import LAYER, SUITES, Suite
from seaway.spec.registry import requirements

NEEDS = LAYER.needs
"""What a test of a layer may need, and how the report names it."""

Function = Callable[[Any], Coroutine[Any, Any, None]]


class SuiteError(Exception):
    """A test of the suite itself is not right."""


@frozen
class Case:
    """One test of the suite.

    Args:
        name: stable, such as ``"layer.names.refused"``.
        function: the test.
        ids: the requirements that it tests.
        needs: what it needs, of the needs of its suite.
        waits: whether it mostly waits for time to pass, and so runs beside others like it.
        alone: whether it runs beside no other, for it loads the machine.
        both_flavours: whether a server's applications of the other flavour are tested by it too.
    """

    name: str
    function: Function
    ids: tuple[str, ...]
    needs: frozenset[str]
    waits: bool = False
    alone: bool = False
    both_flavours: bool = False

    @property
    def is_smoke(self) -> bool:
        """Whether nothing else makes sense if this fails."""
        return ".smoke." in self.name


def case_of(function: Function) -> Case:
    """Return *function* as a case, from its marks.

    Raises:
        SuiteError: it has no ``req``, or one that names no requirement of its suite, or a need that is not known.
    """
    suite = suite_of(function.__module__)
    module = sys.modules.get(function.__module__)
    common = getattr(module, "pytestmark", [])
    marks = [*(common if isinstance(common, list) else [common]), *getattr(function, "pytestmark", [])]
    name = name_of(function.__module__.rpartition(".")[2], function.__name__)
    ids = tuple(identifier for mark in marks if mark.name == "req" for identifier in mark.args)
    needs = frozenset(need for mark in marks if mark.name == "needs" for need in mark.args)
    if not ids:
        raise SuiteError(f"{name}: expected a requirement, as in @pytest.mark.req('LAY-012')")
    for identifier in ids:
        requirement = requirements().get(identifier)
        if requirement is None or not suite.classes.intersection(requirement.classes):
            raise SuiteError(f"{name}: {identifier!r} is no requirement of a {suite.name}")
    if unknown := needs - suite.needs.keys():
        raise SuiteError(f"{name}: needs {sorted(unknown)}, expected of {sorted(suite.needs)}")
    flags = {mark.name: True for mark in marks if mark.name in ("waits", "alone", "both_flavours")}
    return Case(f"{suite.name}.{name}", function, ids, needs, **flags)


def name_of(module: str, function: str) -> str:
    """Return the name of a case, without its suite: ``names.refused`` of ``test_names`` and ``test_refused``."""
    return f"{module.removeprefix('test_')}.{function.removeprefix('test_')}"


def suite_of(module: str) -> Suite:
    """Return the suite that a test *module* belongs to; one that is in no suite's folder is of the layer suite."""
    return next((suite for suite in SUITES.values() if module.startswith(f"{suite.package}.")), LAYER)


def cases_of(module: ModuleType) -> Iterator[Case]:
    """Yield the cases of a test module, in the order in which they stand."""
    for name, function in vars(module).items():
        if name.startswith("test_") and inspect.iscoroutinefunction(function):
            yield case_of(function)


@cache
def all_cases(suite: Suite = LAYER) -> tuple[Case, ...]:
    """Return every case of *suite*, smoke first."""
    package = import_module(suite.package)
    modules = sorted(one.name for one in pkgutil.iter_modules(package.__path__) if one.name.startswith("test_"))
    found = [case for name in modules for case in cases_of(import_module(f"{suite.package}.{name}"))]
    return tuple(sorted(found, key=lambda case: not case.is_smoke))


def covered(cases: Iterable[Case]) -> set[str]:
    """Return the identifiers that *cases* test."""
    return {identifier for case in cases for identifier in case.ids}

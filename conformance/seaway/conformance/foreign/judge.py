"""Runs the suite on one target and returns its report, judged by what the old interface promises.

Unlike a run for whoever writes a layer, it goes on after smoke has failed: a layer that does one thing otherwise is
judged for the rest.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

from seaway.conformance import report
from seaway.conformance.cases import NEEDS, Case, all_cases
from seaway.conformance.face import Limits
from seaway.conformance.foreign import harness as foreign
from seaway.conformance.foreign.fairness import fair
from seaway.conformance.foreign.promises import promise
from seaway.conformance.harness import LayerHarness
from seaway.conformance.runner import Result, not_offered, offered, run
from seaway.conformance.target import load
from seaway.conformance.world import Subject, subjects

FOREIGN = ("InMemory", "Core", "PubSub", "Nats")
"""The layers of others, by the names of their harnesses."""

OURS = {"Seaway memory": "memory://matrix"}
"""Our own in the same matrix: name to target."""

Progress = Callable[[str, int, int], object]
"""Called with a name, how many cases are done, and how many there are."""


def judge(name: str, only: Callable[[Case], bool], progress: Progress) -> dict[str, Any]:
    """Return the report of one of `FOREIGN` or `OURS`.

    Args:
        name: which.
        only: says of a case whether it runs.
        progress: called after each step.

    Raises:
        ForeignError: a package or a broker is missing.
    """
    target = OURS.get(name) or f"{foreign.__name__}:{name}"
    harness = load(target, {})
    if name in FOREIGN:
        harness.make(is_async=True)
    started = _now()
    cases = [case for case in all_cases() if only(case)]
    todo = [(case, subject) for subject in subjects(harness) for case in cases if _fits(case, subject)]
    results: list[Result] = []
    for subject in subjects(harness):
        has = offered(harness, subject, Limits())
        for together in _steps([case for case, its in todo if its == subject], alone=name == "PubSub"):
            results += _results(together, harness, subject, has)
            progress(name, len(results), len(todo))
    if name in FOREIGN:
        results = [fair(name, result) for result in results]
    is_partial = len(cases) < len(all_cases())
    judged = report.Run(target, results, cases, offers=frozenset(harness.flavours), partial=is_partial)
    found = report.as_json(judged, started, _now())
    found["layer"] = {"target": target, "name": name, "versions": _versions(name, harness)}
    for line in found["requirements"]:
        stands = promise(name, line["id"])
        if name in FOREIGN and line["verdict"] == "fail" and stands is not None and stands.level == "should":
            line["verdict"] = "warn"
    return found


def _versions(name: str, harness: LayerHarness) -> dict[str, str]:
    return foreign.versions(harness) if name in FOREIGN else {"seaway": report.version_of("seaway")}


def _fits(case: Case, subject: Subject) -> bool:
    return ("sync" if subject.is_async else "async") not in case.needs


def _steps(cases: list[Case], alone: bool) -> list[list[Case]]:
    """Return which cases run beside each other: those that wait; none where normal channels have no namespace."""
    waiting = [case for case in cases if case.waits and not alone]
    rest = [[case] for case in cases if not case.waits or alone]
    return [*rest, waiting] if waiting else rest


def _results(cases: list[Case], harness: LayerHarness, subject: Subject, has: frozenset[str]) -> list[Result]:
    able = [case for case in cases if case.is_smoke or not case.needs - has]
    unable = [case for case in cases if case not in able]
    found = [not_offered(case, subject.name, case.needs - has, NEEDS) for case in unable]
    return found + (run(able, harness, subject, Limits()) if able else [])


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")

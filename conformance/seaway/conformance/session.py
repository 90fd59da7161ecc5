"""One run of the suite under pytest: what is tested, what came out, and what is said about it.

Rules of this module: no pytest; the plugin calls it.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from attrs import asdict, evolve

from seaway.conformance import known as known_failures
from seaway.conformance import report
from seaway.conformance.cases import NEEDS, Case, all_cases
from seaway.conformance.face import Limits
from seaway.conformance.harness import LayerHarness
from seaway.conformance.runner import Result, offered, run
from seaway.conformance.target import load, parse_options
from seaway.conformance.world import Subject, subjects
from seaway.spec.registry import requirements

_COUNTED = ("pass", "fail", "known failure", "unexpected pass", "warn", "blocked", "suite error")


class Session:
    """A run; make one with `Session.load`.

    Attributes:
        subjects: the ways in which the layer is run.
        selected: the cases that will run, each with its subject.
        partial: whether some were left out.
        gathered: the results, at the end.
    """

    def __init__(self, harness: LayerHarness, target: str, limits: Limits, known: dict[str, str], strict: bool) -> None:
        self.harness = harness
        self.target = target
        self.limits = limits
        self.known = known
        self.strict = strict
        self.subjects = subjects(harness)
        self.selected: list[tuple[Case, Subject]] = []
        self.partial = False
        self.gathered: list[Result] = []
        self.started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        self._offered: dict[str, frozenset[str]] = {}
        self._causes: dict[str, str] = {}
        self._done: dict[tuple[str, str], Result] = {}

    @classmethod
    def load(
        cls, *, target: str, pairs: Iterable[str], directory: str, known: Path | None, strict: bool, timescale: float
    ) -> Session:
        """Load what *target* names. `TargetError`, `KnownFailuresError`: it cannot be tested."""
        limits = Limits(deadline=5.0 * timescale, silence=0.05 * timescale)
        harness = load(target, parse_options(pairs), directory)
        return cls(harness, target, limits, known_failures.read(known) if known is not None else {}, strict)

    def header(self) -> str:
        """Return the line that says what is tested."""
        return f"conformance of {self.target} on {', '.join(subject.name for subject in self.subjects)}"

    def fits(self, case: Case, subject: Subject) -> bool:
        """Return whether *case* is for the flavour of *subject*."""
        return ("sync" if subject.is_async else "async") not in case.needs

    def result(self, case: Case, subject: Subject) -> Result:
        """Run *case*, or return the result that it has had beside others."""
        key = (case.name, subject.name)
        if key not in self._done:
            self._smoke(subject)
        if key not in self._done:
            beside = [one for one, its in self.selected if one.waits and its == subject] if case.waits else [case]
            self._run(beside or [case], subject)
        return self._done[key]

    def _smoke(self, subject: Subject) -> None:
        if subject.name in self._offered:
            return
        self._offered[subject.name] = frozenset({"async" if subject.is_async else "sync"})
        for case in all_cases():
            if case.is_smoke and subject.name not in self._causes:
                self._run([case], subject)
                result = self._done[case.name, subject.name]
                if result.verdict != "pass":
                    self._causes[subject.name] = f"{result.message} [{case.name}, {subject.name}]"
        if subject.name not in self._causes:
            self._offered[subject.name] = offered(self.harness, subject, self.limits)

    def _run(self, cases: list[Case], subject: Subject) -> None:
        able = []
        for case in cases:
            missing = case.needs - self._offered[subject.name]
            if cause := self._causes.get(subject.name):
                self._file(Result(case.name, subject.name, case.ids, "blocked", cause))
            elif missing and not case.is_smoke:
                needed = ", ".join(NEEDS[need] for need in sorted(missing))
                self._file(Result(case.name, subject.name, case.ids, "not offered", f"needs {needed}"))
            else:
                able.append(case)
        for result in run(able, self.harness, subject, self.limits) if able else []:
            self._file(result)

    def _file(self, result: Result) -> None:
        self._done[result.case, result.subject] = result

    def excuse(self, result: Result) -> str:
        """Return why a result that is no pass does not fail the run; empty if it does."""
        if result.verdict == "suite error":
            return ""
        if listed := [identifier for identifier in result.ids if identifier in self.known]:
            return f"known failure of {', '.join(listed)} ({self.known[listed[0]]})"
        levels = {requirements()[identifier].level for identifier in result.ids}
        if any(level.startswith("MUST") or (self.strict and level.startswith("SHOULD")) for level in levels):
            return ""
        return "not met: " + ", ".join(sorted(levels))

    def explain(self, result: Result) -> str:
        """Return what whoever writes the layer wants to know about a result that is no pass."""
        texts = [
            f"{identifier} ({requirements()[identifier].level}) {_sentence(identifier)}" for identifier in result.ids
        ]
        name = result.case.rpartition(".")[2]
        again = f"pytest conformance --layer={self.target} -k 'test_{name} and {result.subject}'"
        return "\n".join([*texts, "", f"{result.verdict}: {result.message}", "", result.details, f"again: {again}"])

    def as_property(self, result: Result) -> dict[str, Any]:
        """Return *result* as data that goes between processes."""
        return {**asdict(evolve(result, details=result.details[-4000:])), "partial": self.partial}

    def from_property(self, value: dict[str, Any]) -> Result:
        """Return what `as_property` was given; one process that left out cases makes the run partial."""
        self.partial = self.partial or value["partial"]
        rest = {key: item for key, item in value.items() if key not in ("partial", "ids")}
        return Result(ids=tuple(value["ids"]), **rest)

    def _run_data(self) -> report.Run:
        return report.Run(self.target, self.gathered, all_cases(), self.partial, self.known, self.strict)

    def unexpected_passes(self) -> list[str]:
        """Return the requirements that are listed as known failures, but met."""
        return [line.id for line in report.lines(self._run_data()) if line.verdict == "unexpected pass"]

    def report(self, finished: str | None) -> dict[str, Any]:
        """Return the report."""
        return report.as_json(self._run_data(), self.started, finished)

    def summary(self) -> Iterable[str]:
        """Yield the lines for the terminal: what is not met, what was not tested, the numbers, the profiles."""
        for subject, cause in self._causes.items():
            yield f"nothing else was tried on {subject}: {cause}"
        found = report.lines(self._run_data())
        for line in found:
            if line.verdict in ("fail", "known failure", "unexpected pass", "warn", "suite error"):
                yield f"{line.id}  {line.verdict}  {line.reason}"
        missing = sorted({line.reason for line in found if line.verdict == "not offered"})
        yield from (f"not tested, {reason}" for reason in missing)
        for name, count in sorted(self._notes().items()):
            yield f"{name}: {count}"
        counts = {verdict: sum(line.verdict == verdict for line in found) for verdict in _COUNTED}
        yield ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count) + " (requirements)"
        for profile, verdict in report.profiles(self._run_data()).items():
            yield f"{profile:<12} 1.0   {verdict}"

    def _notes(self) -> dict[str, int]:
        notes: dict[str, int] = {}
        for result in self.gathered:
            for name, count in result.notes.items():
                notes[name] = notes.get(name, 0) + count
        return notes


def _sentence(identifier: str) -> str:
    return requirements()[identifier].text.partition("\n")[0]

"""One run of a suite under pytest: what is tested, what came out, and what is said about it.

Rules of this module: no pytest; the plugin calls it.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from attrs import asdict, evolve

from seaway.conformance import known as known_failures
from seaway.conformance import report
from seaway.conformance.cases import Case, all_cases, name_of
from seaway.conformance.face import Limits
from seaway.conformance.runner import Result, not_offered
from seaway.conformance.suites import Suite
from seaway.spec.registry import requirements

_COUNTED = ("pass", "fail", "known failure", "flaky", "unexpected pass", "warn", "blocked", "suite error")


class Target(Protocol):
    """What is tested: a layer or a server."""

    suite: Suite
    name: str
    flavour: str

    @property
    def subjects(self) -> Sequence[Any]:
        """The ways in which it is run."""

    def again(self, subject: Any) -> tuple[str, str]:
        """Return the options that test this again, and what chooses *subject* in ``-k``."""

    def fits(self, case: Case, subject: Any) -> bool:
        """Return whether *case* is for *subject*."""

    def at_once(self, selected: Sequence[Case]) -> list[Case]:
        """Return which of the cases *selected* run together with smoke."""

    def beside(self, case: Case, selected: Sequence[Case]) -> list[Case]:
        """Return which of the cases *selected* run at the same time as *case*."""

    def run(self, cases: Sequence[Case], subject: Any, limits: Limits) -> list[Result]:
        """Run *cases* side by side."""

    def base(self, subject: Any) -> frozenset[str]:
        """Return what is offered before anything was tried."""

    def offered(self, subject: Any, limits: Limits) -> frozenset[str]:
        """Return which needs are offered."""


class Session:
    """A run.

    Args:
        target: what is tested.
        known: a file with failures that are known; ``None``: none are.
        flaky: a file with requirements that fail now and then; ``None``: none do.
        strict: whether a SHOULD counts as a MUST.
        timescale: how many times as slow as usual this machine is.

    Attributes:
        subjects: the ways in which the target is run.
        selected: the cases that will run, each with its subject.
        partial: whether some were left out.
        gathered: the results, at the end.

    Raises:
        KnownFailuresError: the file is not right.
    """

    def __init__(self, target: Target, known: Path | None, flaky: Path | None, strict: bool, timescale: float) -> None:
        self.target = target
        self.suite = target.suite
        self.limits = Limits(deadline=5.0 * timescale, silence=0.05 * timescale)
        self.known = known_failures.read(known, self.suite) if known is not None else {}
        self.flaky = known_failures.read(flaky, self.suite, "--known-flaky") if flaky is not None else {}
        self.strict = strict
        self.subjects = target.subjects
        self.selected: list[tuple[Case, Any]] = []
        self.partial = False
        self.gathered: list[Result] = []
        self.started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        self._offered: dict[str, frozenset[str]] = {}
        self._causes: dict[str, str] = {}
        self._done: dict[tuple[str, str], Result] = {}

    def header(self) -> str:
        """Return the line that says what is tested."""
        return f"conformance of {self.target.name} on {'; '.join(subject.name for subject in self.subjects)}"

    def fits(self, case: Case, subject: Any) -> bool:
        """Return whether *case* is for *subject*."""
        return self.target.fits(case, subject)

    def result(self, case: Case, subject: Any) -> Result:
        """Run *case*, or return the result that it has had beside others."""
        key = (case.name, subject.name)
        if key not in self._done:
            self._smoke(subject)
        if key not in self._done:
            self._run(self.target.beside(case, self._todo(subject)) or [case], subject)
        return self._done[key]

    def _todo(self, subject: Any) -> list[Case]:
        """Return the selected cases that have not run on *subject*, without smoke."""
        selected = [case for case, its in self.selected if its == subject and not case.is_smoke]
        return [case for case in selected if (case.name, subject.name) not in self._done]

    def _smoke(self, subject: Any) -> None:
        if subject.name in self._offered:
            return
        self._offered[subject.name] = self.target.base(subject)
        smoke = [case for case in all_cases(self.suite) if case.is_smoke and self.fits(case, subject)]
        self._run([*smoke, *self.target.at_once(self._todo(subject))], subject)
        for case in smoke:
            result = self._done[case.name, subject.name]
            if result.verdict not in ("pass", "not offered"):
                self._causes.setdefault(subject.name, f"{result.message} [{case.name}, {subject.name}]")
        if subject.name not in self._causes:
            self._offered[subject.name] = self.target.offered(subject, self.limits)

    def _run(self, cases: list[Case], subject: Any) -> None:
        able = []
        for case in cases:
            missing = case.needs - self._offered[subject.name]
            if cause := self._causes.get(subject.name):
                self._file(Result(case.name, subject.name, case.ids, "blocked", cause))
            elif missing:
                self._file(not_offered(case, subject.name, missing, self.suite.needs))
            else:
                able.append(case)
        for result in self.target.run(able, subject, self.limits) if able else []:
            self._file(result)

    def _file(self, result: Result) -> None:
        self._done[result.case, result.subject] = result

    def excuse(self, result: Result) -> str:
        """Return why a result that is no pass does not fail the run; empty if it does."""
        if result.verdict == "suite error":
            return ""
        binding = [identifier for identifier in result.ids if report.binds(identifier, self.strict)]
        if not binding:
            return "not met: " + ", ".join(sorted({requirements()[identifier].level for identifier in result.ids}))
        if all(identifier in self.known for identifier in binding):
            return f"known failure of {', '.join(binding)} ({self.known[binding[0]]})"
        reasons = {**self.flaky, **self.known}
        if all(identifier in reasons for identifier in binding):
            return f"known to fail now and then: {', '.join(binding)} ({reasons[binding[0]]})"
        return ""

    def explain(self, result: Result) -> str:
        """Return what whoever writes the layer or server wants to know about a result that is no pass."""
        texts = [
            f"{identifier} ({requirements()[identifier].level}) {_sentence(identifier)}" for identifier in result.ids
        ]
        name = result.case.rpartition(".")[2]
        subject = next(one for one in self.subjects if one.name == result.subject)
        options, chosen = self.target.again(subject)
        again = f"pytest conformance {options} -k 'test_{name} and {chosen}'"
        return "\n".join([*texts, "", f"{result.verdict}: {result.message}", "", result.details, f"again: {again}"])

    def as_property(self, result: Result) -> dict[str, Any]:
        """Return *result* as data that goes between processes."""
        return {**asdict(evolve(result, details=result.details[-4000:])), "partial": self.partial}

    def from_property(self, value: dict[str, Any]) -> Result:
        """Return what `as_property` was given; one process that left out cases makes the run partial."""
        self.partial = self.partial or value["partial"]
        rest = {key: item for key, item in value.items() if key not in ("partial", "ids", "missing")}
        return Result(ids=tuple(value["ids"]), missing=tuple(value["missing"]), **rest)

    def _run_data(self) -> report.Run:
        return report.Run(
            target=self.target.name,
            results=self.gathered,
            cases=all_cases(self.suite),
            offers=frozenset[str]().union(*map(self.target.base, self.subjects)),
            partial=self.partial,
            known=self.known,
            flaky=self.flaky,
            strict=self.strict,
            suite=self.suite,
            flavour=self.target.flavour,
        )

    def died(self, nodeid: str) -> None:
        """File that the process ended in which a test ran, named as pytest does: ``…/test_gaps.py::test_x[trio]``."""
        path, _, test = nodeid.rpartition("::")
        name, _, subject = test.removesuffix("]").partition("[")
        wanted = f"{self.suite.name}.{name_of(Path(path).stem, name)}"
        for case in all_cases(self.suite):
            if case.name == wanted:
                message = "the process of the suite in which it ran has died"
                self.gathered.append(Result(case.name, subject, case.ids, "crash", message))

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
        if "trio" in self._causes and "asyncio" not in self._causes:
            yield "a layer that works on asyncio only says so: a LayerHarness with event_loops = ('asyncio',)"
        found = report.lines(self._run_data())
        for line in found:
            if line.verdict in ("fail", "known failure", "flaky", "unexpected pass", "warn", "suite error"):
                yield f"{line.id}  {line.verdict}  {line.reason}"
        missing = sorted({line.reason for line in found if line.verdict == "not offered"})
        yield from (f"not tested, {reason}" for reason in missing)
        for name, count in sorted(self._notes().items()):
            yield f"{name}: {count}"
        counts = {verdict: sum(line.verdict == verdict for line in found) for verdict in _COUNTED}
        yield ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count) + " (requirements)"
        verdicts = report.profiles(self._run_data())
        width = max(map(len, verdicts))
        for profile, verdict in verdicts.items():
            yield f"{profile:<{width}}  1.0   {verdict}"

    def _notes(self) -> dict[str, int]:
        notes: dict[str, int] = {}
        for result in self.gathered:
            for name, count in result.notes.items():
                notes[name] = notes.get(name, 0) + count
        return notes


def _sentence(identifier: str) -> str:
    return requirements()[identifier].text.partition("\n")[0]

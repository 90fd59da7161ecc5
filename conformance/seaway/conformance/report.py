"""From results to verdicts: by requirement, by profile, and as a JSON report.

Rules of this module: no pytest, no output. The report is valid under ``report.schema.json``.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from attrs import asdict, frozen

from seaway.conformance.cases import Case
from seaway.conformance.runner import Result
from seaway.conformance.suites import LAYER, Suite
from seaway.spec.registry import requirements

SCHEMA = "seaway-conformance-report/1"
BROKEN = frozenset({"fail", "timeout", "crash"})
_PROTOCOLS = ("http", "websocket", "lifespan")
_PARTS = (*_PROTOCOLS, "http2")
_OF_LAYERS = {
    "processes": {"process"},
    "faults": {"broker", "freeze", "promote", "link", "forget", "spoil"},
    "flush": {"flush"},
    "statistics": {"statistics"},
}
"""Profiles of layers that are no flavour, the first that fits, by what their cases need."""


@frozen
class Line:
    """What the run says about one requirement.

    Args:
        id: its identifier.
        verdict: ``"pass"``, ``"fail"``, ``"warn"`` (a SHOULD that is not met), ``"info"`` (a MAY that is not used),
            ``"known failure"``, ``"flaky"`` (listed as such, and not met this time), ``"unexpected pass"`` (listed as
            known failure, but met), ``"suite error"``,
            ``"blocked"``, ``"not offered"``, ``"not run"`` or ``"not tested"``.
        reason: why, in one line; empty for a pass.
    """

    id: str
    verdict: str
    reason: str = ""


@frozen
class Run:
    """A run and its circumstances.

    Args:
        target: what ``--layer`` or ``--server`` was.
        results: of every case and subject that ran.
        cases: every case of the suite.
        offers: what the target declares before anything was tried: flavours of a layer, protocols of a server.
        partial: whether cases were left out by whoever started the run.
        known: reasons by requirement identifier, for failures that are known.
        flaky: reasons by requirement identifier, for what fails now and then.
        strict: whether a SHOULD counts as a MUST.
        suite: whose run it is.
        flavour: of a server: ``"async"`` or ``"sync"``.
    """

    target: str
    results: Sequence[Result]
    cases: Sequence[Case]
    offers: frozenset[str]
    partial: bool = False
    known: Mapping[str, str] = {}
    flaky: Mapping[str, str] = {}
    strict: bool = False
    suite: Suite = LAYER
    flavour: str = "async"


def lines(run: Run) -> list[Line]:
    """Return a line for each requirement of the suite, in the order of the registry."""
    reasons = run.suite.untested()
    by_id: dict[str, list[Result]] = {identifier: [] for identifier in run.suite.requirements()}
    for result in run.results:
        for identifier in result.ids:
            by_id[identifier].append(result)
    return [
        Line(identifier, "not tested", reasons[identifier])
        if identifier in reasons and not found
        else _line(identifier, found, run)
        for identifier, found in by_id.items()
    ]


def _line(identifier: str, found: list[Result], run: Run) -> Line:
    broken = [result for result in found if result.verdict in BROKEN]
    passed = [result for result in found if result.verdict == "pass"]
    if broken:
        return Line(
            identifier, _broken_verdict(identifier, run), _reason(broken[0], {**run.flaky, **run.known}.get(identifier))
        )
    for verdict in ("suite error", "blocked"):
        if those := [result for result in found if result.verdict == verdict]:
            return Line(identifier, verdict, those[0].message)
    if passed and identifier in run.known and not _was_cut_short(identifier, found, run):
        return Line(identifier, "unexpected pass", f"listed as a known failure, but met: {run.known[identifier]}")
    if passed:
        return Line(identifier, "pass")
    if found:
        return Line(identifier, "not offered", found[0].message)
    if flavour := _other_flavour(identifier, run):
        return Line(identifier, "not offered", f"needs {run.suite.needs[flavour]}")
    return Line(identifier, "not run", "no test of this run names it")


def _was_cut_short(identifier: str, found: list[Result], run: Run) -> bool:
    """Return whether somebody left out tests of a requirement: then nobody knows that it is met."""
    cases = {case.name for case in run.cases if identifier in case.ids}
    return run.partial and not cases <= {result.case for result in found}


def _other_flavour(identifier: str, run: Run) -> str:
    """Return the flavour that every test of a requirement needs, if it is one that the layer has not."""
    cases = [case for case in run.cases if identifier in case.ids]
    for flavour in {"async", "sync"} - run.offers if run.suite is LAYER else ():
        if cases and all(flavour in case.needs for case in cases):
            return flavour
    return ""


def _broken_verdict(identifier: str, run: Run) -> str:
    if identifier in run.known:
        return "known failure"
    if identifier in run.flaky:
        return "flaky"
    if binds(identifier, run.strict):
        return "fail"
    return "warn" if requirements()[identifier].level.startswith("SHOULD") else "info"


def _reason(result: Result, known: str | None) -> str:
    kind = "" if result.verdict == "fail" else f"{result.verdict}: "
    return f"{kind}{result.message} [{result.case}, {result.subject}]" + (f" (known: {known})" if known else "")


def profiles_of(run: Run, case: Case, subject: str) -> tuple[str, ...]:
    """Return which profiles of the suite a *case* counts for when it runs on *subject*."""
    if run.suite is LAYER:
        special = next((profile for profile, needs in _OF_LAYERS.items() if needs & case.needs), None)
        return (special or ("sync layer" if subject == "sync" else "async layer"),)
    if "several processes" in case.needs:
        return ("processes",)
    parts = tuple(part for part in _PARTS if part in case.needs)
    return parts if "http2" in parts else (f"{run.flavour} server", *parts)


def profiles(run: Run) -> dict[str, str]:
    """Return a verdict for each profile.

    It is ``conforms``, ``does not conform``, ``incomplete`` (what must be met was not tried), ``not offered``, or
    ``not run``: nothing of it was tried. A server that does not speak all protocols has those that it speaks in the
    name of its class: ``async server (websocket)``.
    """
    by_name = {case.name: case for case in run.cases}
    found: dict[str, str] = {}
    for profile in run.suite.profiles:
        own = [one for one in run.results if profile in profiles_of(run, by_name[one.case], one.subject)]
        found[_title(run, profile)] = _profile_verdict(run, own) if _is_offered(run, profile) else "not offered"
    return found


def _title(run: Run, profile: str) -> str:
    spoken = [protocol for protocol in _PROTOCOLS if protocol in run.offers]
    is_narrow = profile == f"{run.flavour} server" and 0 < len(spoken) < len(_PROTOCOLS)
    return f"{profile} ({', '.join(spoken)})" if is_narrow else profile


def _is_offered(run: Run, profile: str) -> bool:
    if profile.endswith(" server"):
        return profile == f"{run.flavour} server"
    need = profile.removesuffix(" layer")
    return need in run.offers or need not in ("async", "sync", *_PARTS)


def _profile_verdict(run: Run, own: Sequence[Result]) -> str:
    if not own:
        return "not run"
    ran = [result for result in own if result.verdict != "not offered"]
    if not ran:
        return "not offered"
    if any(one.verdict in BROKEN for one in ran if any(binds(identifier, run.strict) for identifier in one.ids)):
        return "does not conform"
    was_not_tried = any(one.missing and run.suite.declared.isdisjoint(one.missing) for one in own)
    if run.partial or was_not_tried or any(one.verdict in ("blocked", "suite error") for one in ran):
        return "incomplete"
    return "conforms"


def binds(identifier: str, strict: bool) -> bool:
    """Return whether who does not meet a requirement does not conform; *strict*: a SHOULD counts as a MUST."""
    level = requirements()[identifier].level
    return level.startswith("MUST") or (strict and level.startswith("SHOULD"))


def as_json(run: Run, started: str, finished: str | None) -> dict[str, Any]:
    """Return the report.

    Args:
        run: the run.
        started: when, ISO 8601.
        finished: when, or ``None``: it was cut off, and then there is no verdict.
    """
    report: dict[str, Any] = {
        "schema": SCHEMA,
        "suite": {"version": version_of("seaway"), "interface": "1.0", "requirements": _requirements_hash(run.suite)},
        run.suite.name: {"target": run.target, **_implementation(run)},
        "environment": {"python": platform.python_version(), "system": platform.platform(terse=True)},
        "options": {"strict": run.strict},
        "partial": run.partial,
        "started": started,
        "requirements": [
            {**asdict(line), "level": requirements()[line.id].level, "text": requirements()[line.id].text}
            for line in lines(run)
        ],
        "tests": [asdict(result) for result in run.results],
    }
    if finished is not None:
        report["finished"] = finished
        report["profiles"] = profiles(run)
    return report


def _implementation(run: Run) -> dict[str, str]:
    if run.suite is LAYER:
        package = "seaway" if "://" in run.target else run.target.partition(":")[0].partition(".")[0]
    else:
        _, _, module = run.target.partition("-m ")
        package = module.partition(" ")[0].partition(".")[0]
    found = version_of(package) if package else ""
    return {"version": found} if found else {}


def version_of(package: str) -> str:
    """Return the version of an installed package, empty if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _requirements_hash(suite: Suite) -> str:
    hashes: Iterable[str] = (requirements()[identifier].hash for identifier in suite.requirements())
    return hashlib.sha256("".join(hashes).encode()).hexdigest()[:16]

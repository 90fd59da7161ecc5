"""Runs the whole layer suite on one harness, for the tests that say that nothing fails."""

from __future__ import annotations

from redis_harness import Harness

from seaway.conformance.cases import NEEDS, all_cases
from seaway.conformance.face import Limits
from seaway.conformance.runner import offered, run
from seaway.conformance.target import load
from seaway.conformance.world import Subject

LIMITS = Limits(deadline=30.0)
SUBJECTS = ("asyncio", "trio", "sync")
NOT_OFFERED = {
    "url": "tests of what a URL of the memory layer means",
    "no flush": "tests of a layer without this extension",
    "no statistics": "tests of a layer without this extension",
    "async": "tests of asynchronous objects, in the run of synchronous ones",
    "sync": "tests of synchronous objects, in the run of asynchronous ones",
}


def failures(harness: str, subject: str) -> str:
    """Run all that the class *harness*, as ``module:Class``, offers, and return what was not met, as a text."""
    target = load(harness, {})
    assert isinstance(target, Harness)
    try:
        able = offered(target, Subject(subject), LIMITS)
        assert NEEDS.keys() - able == NOT_OFFERED.keys() - {"sync" if subject == "sync" else "async"}
        cases = [case for case in all_cases() if case.needs <= able]
        results = run(cases, target, Subject(subject), LIMITS)
    finally:
        target.close()
    assert len(cases) > 230
    failed = [f"{one.case}: {one.verdict}: {one.message}\n{one.details}" for one in results if one.verdict != "pass"]
    return "\n".join(failed)

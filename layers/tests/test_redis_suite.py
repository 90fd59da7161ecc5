"""The Redis layer meets every requirement that it can be tested for: with every hook, on each broker, as each user.

The user with few rights, over TLS, is one of the three forms in CI; all three: ``SEAWAY_FAULTS=large``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # where the suite's worker processes find the harness, too

from redis_harness import Harness

from seaway.conformance.brokers import redis_binary
from seaway.conformance.cases import NEEDS, all_cases
from seaway.conformance.face import Limits
from seaway.conformance.runner import offered, run
from seaway.conformance.target import load
from seaway.conformance.world import Subject

LIMITS = Limits(deadline=15.0)
SUBJECTS = ("asyncio", "trio", "sync")
NOT_OFFERED = {
    "url": "tests of what a URL of the memory layer means",
    "no flush": "tests of a layer without this extension",
    "no statistics": "tests of a layer without this extension",
    "async": "tests of asynchronous objects, in the run of synchronous ones",
    "sync": "tests of synchronous objects, in the run of asynchronous ones",
}


def failures(harness: str, subject: str) -> str:
    """Run all that the harness offers, and return what was not met, as a text."""
    target = load(f"redis_harness:{harness}", {})
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


@pytest.mark.timeout(600)
@pytest.mark.parametrize("subject", SUBJECTS)
def test_on_valkey_every_requirement_is_met(subject: str) -> None:
    failed = failures("Harness", subject)
    assert not failed, failed


@pytest.mark.timeout(600)
@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.skipif(redis_binary() is None, reason="the system has no redis-server")
def test_on_the_systems_redis_every_requirement_is_met(subject: str) -> None:
    failed = failures("SystemHarness", subject)
    assert not failed, failed


@pytest.mark.timeout(600)
@pytest.mark.parametrize("subject", SUBJECTS if os.environ.get("SEAWAY_FAULTS") == "large" else SUBJECTS[:1])
def test_over_tls_with_the_rights_that_the_documentation_lists_every_requirement_is_met(subject: str) -> None:
    failed = failures("UserHarness", subject)
    assert not failed, failed

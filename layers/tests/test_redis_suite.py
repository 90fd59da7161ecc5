"""The Redis layer meets every requirement that it can be tested for: with every hook, on each broker, as each user.

The user with few rights, over TLS, is one of the three forms in CI; all three: ``SEAWAY_FAULTS=large``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # where the suite's worker processes find the harness, too

from redis_suite import SUBJECTS, failures

from seaway.conformance.brokers import redis_binary


@pytest.mark.timeout(600)
@pytest.mark.parametrize("subject", SUBJECTS)
def test_on_valkey_every_requirement_is_met(subject: str) -> None:
    failed = failures("redis_harness:Harness", subject)
    assert not failed, failed


@pytest.mark.timeout(600)
@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.skipif(redis_binary() is None, reason="the system has no redis-server")
def test_on_the_systems_redis_every_requirement_is_met(subject: str) -> None:
    failed = failures("redis_harness:SystemHarness", subject)
    assert not failed, failed


@pytest.mark.timeout(600)
@pytest.mark.parametrize("subject", SUBJECTS if os.environ.get("SEAWAY_FAULTS") == "large" else SUBJECTS[:1])
def test_over_tls_with_the_rights_that_the_documentation_lists_every_requirement_is_met(subject: str) -> None:
    failed = failures("redis_harness:UserHarness", subject)
    assert not failed, failed

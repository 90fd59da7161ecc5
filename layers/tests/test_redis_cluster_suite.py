"""The Redis layer over a Cluster of three masters meets every requirement that it can be tested for, with every hook.

In CI each kind of object once, and asynchronous ones on asyncio; all, and the system's Redis: ``SEAWAY_FAULTS=large``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # where the suite's worker processes find the harness, too

from redis_suite import SUBJECTS, failures

from seaway.conformance.brokers import redis_binary

LARGE = os.environ.get("SEAWAY_FAULTS") == "large"


@pytest.mark.timeout(900)
@pytest.mark.parametrize("subject", SUBJECTS if LARGE else ("asyncio", "sync"))
def test_over_a_cluster_every_requirement_is_met(subject: str) -> None:
    failed = failures("redis_cluster_harness:ClusterHarness", subject)
    assert not failed, failed


@pytest.mark.timeout(900)
@pytest.mark.skipif(redis_binary() is None or not LARGE, reason="the system has no redis-server, or this is a sample")
@pytest.mark.parametrize("subject", SUBJECTS)
def test_over_a_cluster_of_the_systems_redis_every_requirement_is_met(subject: str) -> None:
    failed = failures("redis_cluster_harness:OldClusterHarness", subject)
    assert not failed, failed

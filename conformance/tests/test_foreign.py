"""Judging Channels' layers: what the old interface does not promise is not held against them."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

from seaway.conformance.foreign import harness
from seaway.conformance.foreign.adapter import ForeignError
from seaway.conformance.foreign.not_promised import NOT_PROMISED, fair
from seaway.conformance.runner import Result, Verdict
from seaway.conformance.suites import LAYER

SCRIPTS = (
    "in_memory_channel_capacity",
    "in_memory_expired_count",
    "in_memory_membership_expires",
    "in_memory_second_waiter",
    "in_memory_unchecked_values",
)

needs_channels = pytest.mark.skipif(find_spec("channels") is None, reason="channels is not installed")


def result(identifier: str, verdict: Verdict = "fail", details: str = "") -> Result:
    return Result("layer.case", "asyncio", (identifier,), verdict, "what happened", details)


def test_every_requirement_that_is_not_promised_is_one_of_layers() -> None:
    assert NOT_PROMISED.keys() <= set(LAYER.requirements())


def test_what_is_not_promised_is_not_offered() -> None:
    assert fair(result("MSG-021")).verdict == "not offered"
    assert fair(result("LAY-054", details="x.NotOfferedError: no inbox\n")).verdict == "not offered"


def test_what_is_promised_stays_a_failure() -> None:
    assert fair(result("LAY-081")).verdict == "fail"


def test_what_passes_stays_a_pass() -> None:
    assert fair(result("MSG-021", "pass")).verdict == "pass"


def test_a_package_that_is_missing_is_named() -> None:
    with pytest.raises(ForeignError, match="no_such_layer is missing: install channels"):
        harness.imported("no_such_layer")


@needs_channels
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_failure_of_the_in_memory_layer_is_reproduced(script: str) -> None:
    words = [sys.executable, "-m", f"seaway.conformance.foreign.reproduce.{script}"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr

"""The tests across processes are tested too: layers that are broken there are caught for what is wrong with them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the worker processes import the targets by name, as their users do

from afternoon_harness import AfternoonHarness
from afternoon_mutants import BROKEN

import afternoon_broker  # isort: skip
from seaway.conformance.cases import all_cases
from seaway.conformance.face import Limits
from seaway.conformance.harness import LayerHarness
from seaway.conformance.runner import Result, offered, run
from seaway.conformance.world import Subject

pytestmark = pytest.mark.timeout(600)  # a busy machine takes minutes for what takes seconds
LIMITS = Limits(deadline=20.0)  # all of them run side by side, with some thirty processes
SYNC = Subject("sync")


@pytest.fixture(autouse=True)
def broker_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(afternoon_broker, "is_held", afternoon_broker.is_held)


def results_across_processes(harness: LayerHarness) -> list[Result]:
    able = offered(harness, SYNC, LIMITS)
    cases = [case for case in all_cases() if case.needs <= able and case.needs & {"process", "fork"}]
    assert {"GRP-015", "LAY-026", "LAY-054", "LAY-081"} <= {identifier for case in cases for identifier in case.ids}
    return run(cases, harness, SYNC, LIMITS)


def test_the_healthy_one_passes() -> None:
    harness = AfternoonHarness()
    harness.target = "afternoon_harness:AfternoonHarness"
    assert [one for one in results_across_processes(harness) if one.verdict != "pass"] == []


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_a_layer_that_is_broken_across_processes_is_caught(broken: type[LayerHarness]) -> None:
    harness = broken()
    harness.target = f"afternoon_mutants:{broken.__name__}"
    failed = [one for one in results_across_processes(harness) if one.verdict != "pass"]
    assert {one.verdict for one in failed} == {"fail"}, failed
    ids = {identifier for one in failed for identifier in one.ids}
    assert ids <= BROKEN[broken], failed
    assert ids & BROKEN[broken]

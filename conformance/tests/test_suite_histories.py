"""Histories of real processes: the afternoon layer's are explained, and for each verdict a broken layer gets it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the worker processes import the targets by name, as their users do

from afternoon_harness import AfternoonHarness
from history_mutants import BROKEN, EXPIRY, KILLS, TOGETHER

from seaway.conformance import history, history_gaps, history_rules
from seaway.conformance.cases import all_cases
from seaway.conformance.face import Limits
from seaway.conformance.harness import LayerHarness
from seaway.conformance.runner import Result, run
from seaway.conformance.suites import LAYER
from seaway.conformance.world import Subject

pytestmark = pytest.mark.timeout(600)  # a busy machine takes minutes for what takes seconds
LIMITS = Limits(deadline=15.0)
SYNC = Subject("sync")


def result_of(harness: LayerHarness, name: str) -> Result:
    (case,) = [case for case in all_cases() if case.name == name]
    (result,) = run([case], harness, SYNC, LIMITS)
    return result


@pytest.mark.parametrize("name", [TOGETHER, KILLS, EXPIRY])
def test_the_healthy_layer_is_explained(name: str) -> None:
    harness = AfternoonHarness()
    harness.target = "afternoon_harness:AfternoonHarness"
    result = result_of(harness, name)
    assert result.verdict == "pass", result
    assert (result.notes["kills"] == 5) is (name == KILLS)
    assert name != KILLS or result.notes["kills that hit a call in flight"] > 0


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_a_layer_whose_history_has_no_explanation_is_caught_for_it(broken: type[LayerHarness]) -> None:
    name, requirement = BROKEN[broken]
    harness = broken()
    harness.target = f"history_mutants:{broken.__name__}"
    result = result_of(harness, name)
    assert result.verdict == "fail", result
    assert requirement in result.ids, result
    assert re.match(r"[A-Z]{3}-\d{3}: ", result.message), "a failure begins with the guarantee"
    shown = [line for line in result.details.splitlines() if re.match(r" +\d+\.\d+ [\w-]+(/layer)? ", line)]
    most = 1000 if requirement == "GAP-008" else 80  # a number is wrong only beside all that it counts
    assert 0 < len(shown) <= most, "and shows the shortest history"


def test_each_verdict_of_the_checker_has_a_broken_layer() -> None:
    sources = [Path(module.__file__ or "").read_text(encoding="utf-8") for module in (history_rules, history_gaps)]
    given = {found for text in sources for found in re.findall(r'"([A-Z]{3}-\d{3})"', text)}
    assert given == {requirement for _, requirement in BROKEN.values()}
    assert given <= set(LAYER.requirements())
    assert history.findings([]) == []

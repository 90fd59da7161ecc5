"""The suite's own test: every broken layer of the zoo is caught, for what is wrong with it and for nothing else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import pytest

from seaway.conformance.cases import Case, all_cases
from seaway.conformance.face import Limits
from seaway.conformance.runner import Result, offered, run
from seaway.conformance.world import Subject
from seaway.conformance.zoo import MUTANTS, ZooHarness
from seaway.spec.registry import requirements

pytestmark = pytest.mark.timeout(600)  # a busy machine takes minutes for what takes seconds
SUBJECT = Subject("asyncio")
LIMITS = Limits(deadline=10.0)  # eight side by side, and whatever else the machine does
SIDE_BY_SIDE = 8
CHUNKS = [sorted(MUTANTS)[start : start + SIDE_BY_SIDE] for start in range(0, len(MUTANTS), SIDE_BY_SIDE)]


@cache
def cases() -> tuple[Case, ...]:
    can = offered(ZooHarness(), SUBJECT, LIMITS)
    return tuple(case for case in all_cases() if case.needs <= can)


def results_of(name: str) -> list[Result]:
    return run(cases(), ZooHarness(MUTANTS[name].layer), SUBJECT, LIMITS)


def faults(name: str) -> list[str]:
    """Return what is wrong with how the suite judges a mutant; nothing if it judges as declared."""
    declared = MUTANTS[name].ids
    broken = [result for result in results_of(name) if result.verdict != "pass"]
    found = [
        f"{name} ({MUTANTS[name].idea}): {result.case} of {result.ids}: {result.verdict}: {result.message}"
        for result in broken
        if result.verdict != "fail" or not set(result.ids) & set(declared)
    ]
    if not any(result.verdict == "fail" and declared[0] in result.ids for result in broken):
        found.append(f"{name} ({MUTANTS[name].idea}): no test of {declared[0]} has caught it")
    return found


@pytest.mark.parametrize("names", CHUNKS, ids=lambda names: f"{names[0]}-{names[-1]}")
def test_every_mutant_is_caught_for_what_is_wrong_with_it(names: list[str]) -> None:
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        found = [fault for faults_of in pool.map(faults, names) for fault in faults_of]
    assert not found, "\n".join(found)


def test_the_healthy_layer_passes() -> None:
    results = run(cases(), ZooHarness(), SUBJECT, LIMITS)
    assert [result for result in results if result.verdict != "pass"] == []


def test_there_are_many_and_no_two_are_one_idea() -> None:
    assert len(MUTANTS) >= 40
    ideas = [mutant.idea for mutant in MUTANTS.values()]
    assert sorted({idea for idea in ideas if ideas.count(idea) > 1}) == []
    assert all(ideas)


def test_what_mutants_declare_are_requirements_that_are_tested() -> None:
    tested = {identifier for case in cases() for identifier in case.ids}
    for name, mutant in MUTANTS.items():
        assert mutant.ids[0] in tested, name
        assert set(mutant.ids) <= requirements().keys(), name

"""The server suite's own test: every broken server of the zoo is caught by a test of the requirement that it breaks.

A broken server runs the tests of the requirement that is meant. That it passes all the others is not tested here: all
of them on all servers would take an hour.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import pytest
from attrs import evolve

from seaway.conformance.cases import Case, all_cases
from seaway.conformance.face import Limits
from seaway.conformance.runner import Result
from seaway.conformance.serving.profile import find
from seaway.conformance.serving.target import ServerTarget
from seaway.conformance.suites import SERVER
from seaway.conformance.zoo.servers import SERVERS
from seaway.spec.registry import requirements

LIMITS = Limits(deadline=6.0)
PROFILE = evolve(find("seaway", ""), variants={"asyncio": "--backend asyncio"})
SIDE_BY_SIDE = 4
NAMES = sorted(SERVERS)
CHUNKS = [NAMES[start : start + SIDE_BY_SIDE] for start in range(0, len(NAMES), SIDE_BY_SIDE)]


@cache
def target_of(name: str) -> ServerTarget:
    command = f"{{python}} -m seaway.conformance.zoo.servers {name} {{application}} --host {{host}} --port {{port}}"
    return ServerTarget(command, PROFILE)


@cache
def possible() -> tuple[Case, ...]:
    target = target_of(NAMES[0])
    subject = target.subjects[0]
    able = target.offered(subject, LIMITS)
    return tuple(case for case in all_cases(SERVER) if case.needs <= able and target.fits(case, subject))


def results_of(name: str) -> list[Result]:
    target = target_of(name)
    cases = [case for case in possible() if SERVERS[name].ids[0] in case.ids]
    return target.run(cases, target.subjects[0], LIMITS)


def faults(name: str) -> list[str]:
    """Return what is wrong with how the suite judges a broken server; nothing if it judges as declared."""
    server = SERVERS[name]
    broken = [result for result in results_of(name) if result.verdict != "pass"]
    found = [
        f"{name} ({server.idea}): {result.case} of {result.ids}: {result.verdict}: {result.message}"
        for result in broken
        if result.verdict != "fail"
    ]
    if not broken:
        found.append(f"{name} ({server.idea}): no test of {server.ids[0]} has caught it")
    return found


@pytest.mark.timeout(600)
@pytest.mark.parametrize("names", CHUNKS, ids=lambda names: f"{names[0]}-{names[-1]}")
def test_every_broken_server_is_caught_by_a_test_of_what_it_breaks(names: list[str]) -> None:
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        found = [fault for faults_of in pool.map(faults, names) for fault in faults_of]
    assert not found, "\n".join(found)


def test_there_are_many_and_no_two_are_one_idea() -> None:
    assert len(SERVERS) >= 25
    ideas = [server.idea for server in SERVERS.values()]
    assert sorted({idea for idea in ideas if ideas.count(idea) > 1}) == []
    assert all(ideas)


def test_what_broken_servers_declare_are_requirements_that_are_tested() -> None:
    tested = {identifier for case in possible() for identifier in case.ids}
    for name, server in SERVERS.items():
        assert server.ids[0] in tested, name
        assert set(server.ids) <= requirements().keys(), name

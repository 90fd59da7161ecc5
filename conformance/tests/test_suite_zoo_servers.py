"""The server suite's own test: every broken server of the zoo is caught for what is wrong with it, and nothing else.

Here each runs what `chosen` takes of the suite. ``python -m seaway.conformance.zoo.servers judge`` runs all of it, by
hand: that takes a quarter of an hour.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from seaway.conformance.zoo.servers import SERVERS
from seaway.conformance.zoo.servers.judging import SIDE_BY_SIDE, chosen, faults, possible
from seaway.spec.registry import requirements

NAMES = sorted(SERVERS)
CHUNKS = [NAMES[start : start + SIDE_BY_SIDE] for start in range(0, len(NAMES), SIDE_BY_SIDE)]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("names", CHUNKS, ids=lambda names: f"{names[0]}-{names[-1]}")
def test_every_broken_server_is_caught_by_a_test_of_what_it_breaks(names: list[str]) -> None:
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        found = [line for lines in pool.map(lambda name: faults(name, chosen(name)), names) for line in lines]
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


def test_what_is_tried_in_little_time_has_all_of_what_is_meant_and_for_some_something_of_every_part() -> None:
    parts = {case.function.__module__ for case in possible() if not case.waits}
    seen = set()
    for name, server in SERVERS.items():
        cases = chosen(name)
        assert len(set(cases)) == len(cases)
        assert {case for case in possible() if server.ids[0] in case.ids} <= set(cases)
        assert len(cases) > 10
        seen |= {case.function.__module__ for case in cases}
    assert seen >= parts

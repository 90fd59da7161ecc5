"""Keyword arguments, namespaces, and what construction does not need."""

from __future__ import annotations

import sys
import threading
from functools import cache
from math import inf, nan
from typing import Any

import pytest

from seaway.conformance.face import in_thread
from seaway.conformance.layer.values import SENTINEL, numbered
from seaway.conformance.world import World

KEYWORDS: dict[str, Any] = {
    "capacity": 5,
    "channel_capacity": {"work*": 5},
    "expiry": 5.5,
    "channel_expiry": {"work?": 5},
    "namespace": "other-Name_1.x",
    "lease": 5,
    "max_message_size": 5000,
    "inbox_capacity": 5,
    "inbox_bytes": 50_000,
    "send_deadline": 0.5,
}
SENSELESS: dict[str, tuple[Any, ...]] = {
    "capacity": (0, -1, 1.5, True, "5", None),
    "channel_capacity": ({"work": 0}, {"work": -5}),
    "expiry": (0, -1, -0.5, nan, inf, True, "5", None),
    "channel_expiry": ({"work": 0}, {"work": -1}),
    "namespace": ("a b", "a!", "é", "a\n"),
    "lease": (0, -1, inf, True),
    "max_message_size": (0, -1, 1e6, True),
    "inbox_capacity": (0, -1, 1e4, True),
    "inbox_bytes": (0, -1),
    "send_deadline": (0, -1, nan, True),
}
IO_EVENTS = ("socket.connect", "socket.getaddrinfo", "socket.sendto", "sqlite3.connect", "subprocess.Popen")


@pytest.mark.req("LAY-012")
async def test_a_layer_needs_no_arguments(world: World) -> None:
    world.harness.make(is_async=world.subject.is_async)


@pytest.mark.req("LAY-013")
async def test_every_keyword_is_taken_alone_and_all_together(world: World) -> None:
    for name, value in KEYWORDS.items():
        world.layer(**{name: value})
    world.layer(**KEYWORDS)


@pytest.mark.req("LAY-013")
async def test_defaults_are_those_of_the_table(world: World) -> None:
    raw = world.layer().raw
    for name, default in {"capacity": 100, "expiry": 60, "max_message_size": 1_048_576}.items():
        if name not in world.harness.options:
            assert getattr(raw, name) == default, name


@pytest.mark.req("LAY-014")
async def test_an_unknown_keyword_is_refused(world: World) -> None:
    world.refuses(TypeError, capactiy=5)
    world.refuses(TypeError, group_expiry=5)


@pytest.mark.req("LAY-015")
async def test_a_senseless_value_is_refused(world: World) -> None:
    for name, values in SENSELESS.items():
        for value in values:
            world.refuses(ValueError, **{name: value})


@pytest.mark.req("LAY-016")
async def test_construction_needs_no_event_loop(world: World) -> None:
    made = await in_thread(lambda: world.harness.make(is_async=world.subject.is_async), world.subject.backend)
    assert made.is_async is world.subject.is_async


@pytest.mark.req("LAY-016")
async def test_construction_does_no_io(world: World) -> None:
    seen = _watched()
    here = threading.get_ident()
    seen[here] = []
    try:
        world.harness.make(is_async=world.subject.is_async, namespace=world.namespace)
        assert seen[here] == []
    finally:
        del seen[here]


@cache
def _watched() -> dict[int, list[str]]:
    """Return where events of I/O are noted, for the threads that are in it."""
    seen: dict[int, list[str]] = {}

    def note(event: str, arguments: Any) -> None:
        if event in IO_EVENTS and (events := seen.get(threading.get_ident())) is not None:
            events.append(event)

    sys.addaudithook(note)
    return seen


async def _accepted(world: World, channel: str, capacities: dict[str, int]) -> int:
    """Return how many messages *channel* holds, or 9 for more than 8."""
    layer = world.layer(capacity=7, channel_capacity=capacities)
    for count in range(9):
        if (await layer.send(channel, numbered(count)).outcome()).error is not None:
            return count
    return 9


@pytest.mark.req("LAY-017")
async def test_a_glob_matches_the_whole_name(world: World) -> None:
    assert await _accepted(world, "log", {"log": 2}) == 2
    assert await _accepted(world, "log.web", {"log": 2}) == 7
    assert await _accepted(world, "web.log", {"log": 2}) == 7
    assert await _accepted(world, "logs", {"log": 2}) == 7


@pytest.mark.req("LAY-017")
async def test_a_star_is_any_characters_and_a_question_mark_is_one(world: World) -> None:
    assert await _accepted(world, "log.web", {"log.*": 2}) == 2
    assert await _accepted(world, "star.", {"star.*": 2}) == 2
    assert await _accepted(world, "one.a", {"one.?": 2}) == 2
    assert await _accepted(world, "one.ab", {"one.?": 2}) == 7
    assert await _accepted(world, "one.", {"one.?": 2}) == 7
    assert await _accepted(world, "dotx", {"do.x": 2}) == 7


@pytest.mark.req("LAY-017")
async def test_a_glob_is_case_sensitive(world: World) -> None:
    assert await _accepted(world, "Case", {"case*": 2}) == 7
    assert await _accepted(world, "case", {"CASE": 2}) == 7


@pytest.mark.req("LAY-017")
async def test_the_first_glob_that_matches_counts(world: World) -> None:
    assert await _accepted(world, "first.x", {"first.*": 2, "first.x": 3, "*": 4}) == 2
    assert await _accepted(world, "second.x", {"second.x": 3, "second.*": 2}) == 3
    assert await _accepted(world, "third", {"other*": 2, "*": 4}) == 4


@pytest.mark.req("LAY-017")
async def test_other_characters_of_a_glob_stand_for_themselves(world: World) -> None:
    assert await _accepted(world, "a", {"[ab]": 2}) == 7


@pytest.mark.req("LAY-018")
@pytest.mark.needs("peer")
async def test_namespaces_do_not_share_channels(world: World) -> None:
    here, there = world.layer(), world.layer(namespace=f"{world.namespace}-2")
    await there.send("work", numbered(2))
    await here.send("work", numbered(1))
    await here.send("work", SENTINEL)
    await there.send("work", SENTINEL)
    assert await here.up_to(SENTINEL, "work") == [numbered(1)]
    assert await there.up_to(SENTINEL, "work") == [numbered(2)]


@pytest.mark.req("LAY-018")
@pytest.mark.needs("peer")
async def test_a_waiting_receive_hears_nothing_of_another_namespace(world: World) -> None:
    here, there = world.layer(), world.layer(namespace=f"{world.namespace}-2")

    async def send() -> None:
        await there.send("work", numbered(2))
        await here.send("work", numbered(1))

    outcome = await world.waiting(here.receive(["work"], world.limits.deadline), send)
    assert outcome.value == ("work", numbered(1)), outcome


@pytest.mark.req("LAY-018")
@pytest.mark.needs("peer")
async def test_namespaces_do_not_share_groups_and_inboxes(world: World) -> None:
    here, there = world.layer(), world.layer(namespace=f"{world.namespace}-2")
    inbox = await here.new_channel()
    await here.group_add("room", f"{inbox}1")
    await there.send_group("room", numbered(1))
    await there.send(f"{inbox}1", numbered(2))
    await here.send(f"{inbox}1", SENTINEL)
    assert await here.up_to(SENTINEL, inbox) == []


@pytest.mark.req("SEC-011")
@pytest.mark.needs("peer")
async def test_a_name_is_not_taken_for_part_of_a_namespace(world: World) -> None:
    outer = world.namespace
    for mark in "._-":
        inner = f"{outer}{mark}part"
        here, there = world.layer(namespace=outer), world.layer(namespace=inner)
        await there.send("work", numbered(1))
        await here.send(f"part{mark}work", SENTINEL)
        assert await here.up_to(SENTINEL, f"part{mark}work") == []

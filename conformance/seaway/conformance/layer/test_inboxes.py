"""`new_channel` and `close_channel`."""

from __future__ import annotations

import random
import re

import pytest

from seaway.conformance.layer.values import SENTINEL, number_of, numbered, numbers
from seaway.conformance.world import World


@pytest.mark.req("LAY-057")
async def test_an_inbox_is_the_patterns_name_a_random_part_and_a_mark(world: World) -> None:
    layer = world.layer()
    for pattern in ("server!", "a.b-c_9!", "x!", "n" * 100 + "!"):
        name = await layer.new_channel(pattern)
        assert re.fullmatch(re.escape(pattern[:-1]) + r"\.[A-Za-z0-9._-]+!", name), name
        assert len(name) <= 150


@pytest.mark.req("LAY-057")
async def test_every_inbox_is_fresh(world: World) -> None:
    layer = world.layer()
    names = [await layer.new_channel("same!") for _ in range(50)]
    assert len(set(names)) == 50


@pytest.mark.req("LAY-058")
async def test_a_bad_pattern_is_refused(world: World) -> None:
    layer = world.layer()
    for pattern in (
        "server",
        "",
        "!",
        "a b!",
        "é!",
        "a!b",
        "a!b!",
        "a!!",
        "a!\n",
        "a\n!",
        None,
        b"a!",
        1,
        "n" * 150 + "!",
    ):
        await layer.new_channel(pattern).raises(ValueError)


@pytest.mark.req("LAY-059")
async def test_the_random_part_is_long_and_is_not_that_of_the_random_module(world: World) -> None:
    layer = world.layer()
    state = random.getstate()
    names = []
    for _ in range(8):  # another thread may use the module between the two
        random.seed(20170713)
        names.append(await layer.new_channel("random!"))
    random.setstate(state)
    assert len(set(names)) == len(names), names
    for name in names:
        part = name.removeprefix("random.").removesuffix("!")
        assert len(part) >= 16, f"{part!r}: 16 characters of 64 are 96 bits"


@pytest.mark.req("LAY-060")
async def test_what_is_sent_before_the_owner_first_receives_is_kept(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    for number in range(30):
        await layer.send(f"{inbox}{number}", numbered(number))
    await layer.send(inbox, SENTINEL)
    assert numbers(await layer.up_to(SENTINEL, inbox)) == list(range(30))


@pytest.mark.req("LAY-060")
@pytest.mark.needs("peer")
async def test_what_another_object_sends_at_once_is_kept(world: World) -> None:
    owner, sender = world.layer(), world.layer()
    for number in range(10):
        inbox = await owner.new_channel()
        await sender.send(f"{inbox}1", numbered(number))
        assert await owner.next(inbox) == (f"{inbox}1", numbered(number))


@pytest.mark.req("LAY-062")
async def test_any_name_may_stand_after_the_mark(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    for local in ("1", "A.b-c_9", ".", "-", "0" * 40, "layer.gap"):
        await layer.send(inbox + local, numbered(1))
        assert await layer.next(inbox) == (inbox + local, numbered(1))
        await layer.group_add("room", inbox + local)
        await layer.group_discard("room", inbox + local)


@pytest.mark.req("LAY-063")
async def test_close_channel_takes_own_inboxes_and_names_under_them_only(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    for other in ("work", "server.k3x9q0w7k3x9q0w7!", "server.k3x9q0w7k3x9q0w7!1"):
        await layer.close_channel(other).raises(ValueError)
    await layer.close_channel(f"{inbox}1")
    await layer.close_channel(inbox)


@pytest.mark.req("LAY-063")
@pytest.mark.needs("peer")
async def test_the_inbox_of_another_object_cannot_be_closed(world: World) -> None:
    owner, other = world.layer(), world.layer()
    inbox = await owner.new_channel()
    await other.close_channel(inbox).raises(ValueError)
    await other.close_channel(f"{inbox}1").raises(ValueError)
    await other.send(f"{inbox}1", numbered(1))
    assert await owner.next(inbox) == (f"{inbox}1", numbered(1))


@pytest.mark.req("LAY-064")
async def test_no_group_message_reaches_a_closed_channel(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    for group in ("room", "hall"):
        await layer.group_add(group, f"{inbox}1")
        await layer.group_add(group, f"{inbox}2")
    await layer.close_channel(f"{inbox}1")
    for number, group in enumerate(("room", "hall")):
        await layer.send_group(group, numbered(number))
    await layer.send(f"{inbox}2", SENTINEL)
    got = []
    while (received := await layer.next(inbox))[1] != SENTINEL:
        got.append((received[0], number_of(received[1])))
    assert sorted(got) == [(f"{inbox}2", 0), (f"{inbox}2", 1)]


@pytest.mark.req("LAY-067")
async def test_closing_what_is_closed_or_was_never_used_does_nothing(world: World) -> None:
    layer = world.layer()
    inbox, other = await layer.new_channel(), await layer.new_channel()
    for _ in range(2):
        assert await layer.close_channel(f"{inbox}never.used") is None
    for _ in range(2):
        assert await layer.close_channel(inbox) is None
        assert await layer.close_channel(f"{inbox}1") is None
    await layer.send(f"{other}1", numbered(1))
    assert await layer.next(other) == (f"{other}1", numbered(1))


@pytest.mark.req("LAY-071")
async def test_a_closed_inbox_is_gone_with_what_waits_in_it(world: World) -> None:
    layer = world.layer(inbox_capacity=3)
    inbox, other = await layer.new_channel(), await layer.new_channel()
    await layer.send(f"{inbox}1", numbered(1))
    await layer.close_channel(inbox)
    for number in range(6):
        await layer.send(f"{inbox}1", numbered(number))
    await layer.receive([inbox], 0).raises(ValueError)
    await layer.send(f"{other}1", SENTINEL)
    assert await layer.up_to(SENTINEL, other) == []


@pytest.mark.req("LAY-072")
async def test_a_receive_that_waits_for_a_closed_inbox_raises(world: World) -> None:
    layer = world.layer()
    for channels in (("inbox",), ("inbox", "work")):
        inbox = await layer.new_channel()
        names = [inbox if name == "inbox" else name for name in channels]
        outcome = await world.waiting(layer.receive(names), lambda inbox=inbox: layer.close_channel(inbox))  # type: ignore[misc]
        assert isinstance(outcome.error, RuntimeError), outcome
    await layer.send("work", numbered(1))
    assert await layer.next("work") == ("work", numbered(1))

"""What is at the broker is not what the layer has put there: it is a copy, forgets a membership, or holds rubbish."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.conformance.face import Face
from seaway.conformance.layer.values import SENTINEL, numbered, numbers
from seaway.conformance.world import World

SEND_DEADLINE = 0.5
LEASE = 3.0


async def _lost(*layers: Face) -> int:
    return sum([(await layer.statistics())["dropped"]["lost"] for layer in layers])


async def _promoted(world: World) -> tuple[Face, Face, list[Any]]:
    """Return a sender, a reader, and what the reader took before a copy took the broker's place: 3 of 6."""
    sender, reader = world.layer(), world.layer()
    for number in range(6):
        await sender.send("work", numbered(number))
    before = numbers([await reader.message("work") for _ in range(3)])
    await world.broker("promote")
    await world.reachable(sender)
    await sender.send("work", SENTINEL)
    return sender, reader, before


@pytest.mark.req("LAY-073")
@pytest.mark.needs("promote", "peer")
async def test_a_copy_of_the_broker_gives_nothing_a_second_time(world: World) -> None:
    _, reader, before = await _promoted(world)
    after = numbers(await reader.up_to(SENTINEL, "work"))
    assert set(before).isdisjoint(after), (before, after)
    assert len(after) == len(set(after)), after


@pytest.mark.req("LAY-074")
@pytest.mark.needs("promote", "peer", "statistics")
async def test_what_waits_in_a_copy_of_the_broker_is_dropped_and_counted(world: World) -> None:
    sender, reader, _ = await _promoted(world)
    assert numbers(await reader.up_to(SENTINEL, "work")) == []
    lost = await _lost(sender, reader)
    assert lost >= 3, f"3 messages waited; {lost} are counted as lost"


@pytest.mark.req("LAY-036", "LAY-037")
@pytest.mark.needs("freeze")
async def test_a_send_to_a_broker_that_does_not_answer_raises_in_time(world: World) -> None:
    layer = world.layer(send_deadline=SEND_DEADLINE)
    await world.reachable(layer)
    async with world.without_broker("freeze"):
        await world.raises_in_time(layer.send("work", numbered(1)), SEND_DEADLINE)
    await world.accepted(lambda: layer.send("work", SENTINEL))
    got = numbers(await layer.up_to(SENTINEL, "work"))
    assert got in ([], [1]), got


@pytest.mark.req("GAP-011")
@pytest.mark.needs("forget")
@pytest.mark.waits
async def test_a_membership_that_has_vanished_at_the_broker_is_restored_and_told(world: World) -> None:
    layer = world.layer(lease=LEASE)
    inbox = await layer.new_channel()
    await layer.group_add("room", f"{inbox}1")
    await layer.send_group("room", numbered(0))
    assert await layer.message(inbox) == numbered(0)
    world.harness.forget(world.namespace, "room")
    await world.layer().send_group("room", numbered(1))
    channel, gap = await layer.receive([inbox], LEASE + world.limits.deadline)
    assert channel in (inbox, f"{inbox}1"), channel
    assert (gap["type"], gap.get("reason")) == ("layer.gap", "lost"), gap
    await world.restored(layer, inbox, "room", LEASE + 1)


@pytest.mark.req("SEC-010")
@pytest.mark.needs("spoil")
async def test_what_cannot_be_decoded_in_an_inbox_is_a_gap(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    await layer.send(f"{inbox}1", numbered(1))
    world.harness.spoil(world.namespace, f"{inbox}1")
    await layer.send(f"{inbox}1", numbered(2))
    assert await layer.next(inbox) == (f"{inbox}1", numbered(1))
    channel, gap = await layer.next(inbox)
    assert channel in (inbox, f"{inbox}1"), channel
    assert (gap["type"], gap.get("reason")) == ("layer.gap", "lost"), gap
    assert await layer.next(inbox) == (f"{inbox}1", numbered(2))


@pytest.mark.req("SEC-010")
@pytest.mark.needs("spoil", "statistics")
async def test_what_cannot_be_decoded_in_a_normal_channel_is_counted_as_lost(world: World) -> None:
    layer = world.layer()
    await layer.send("work", numbered(1))
    world.harness.spoil(world.namespace, "work")
    await layer.send("work", numbered(2))
    assert [await layer.message("work") for _ in range(2)] == [numbered(1), numbered(2)]
    assert await _lost(layer) == 1

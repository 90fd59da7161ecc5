"""How much a channel and an inbox hold."""

from __future__ import annotations

import time
from typing import Any

import pytest

from seaway.conformance.face import Face, Outcome
from seaway.conformance.layer.values import SENTINEL, merged, numbered, numbers
from seaway.conformance.world import World


async def _fill(layer: Face, channel: str, tries: int, **rest: Any) -> int:
    """Send *tries* messages and return how many were accepted; the others must raise ``ChannelFull``."""
    accepted = 0
    for number in range(tries):
        outcome = await layer.send(channel, numbered(number, **rest)).outcome()
        if outcome.error is None:
            accepted += 1
        else:
            assert isinstance(outcome.error, layer.raw.ChannelFull), outcome.error
    return accepted


def accepted(outcomes: list[Outcome], layer: Face) -> int:
    """Return how many sends returned; the others must have raised ``ChannelFull``."""
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    assert [error for error in errors if not isinstance(error, layer.raw.ChannelFull)] == []
    return len(outcomes) - len(errors)


@pytest.mark.req("LAY-080")
async def test_a_channel_holds_its_capacity(world: World) -> None:
    layer = world.layer(capacity=4, channel_capacity={"small": 1, "large*": 9})
    for channel, capacity in (("work", 4), ("small", 1), ("large.x", 9)):
        assert await _fill(layer, channel, 12) == capacity, channel
        await layer.message(channel)
        assert await _fill(layer, channel, 3) == 1, channel


@pytest.mark.req("LAY-080")
@pytest.mark.needs("peer")
async def test_the_senders_capacity_counts(world: World) -> None:
    small, large, reader = world.layer(capacity=2), world.layer(capacity=5), world.layer(capacity=1)
    assert await _fill(small, "work", 3) == 2
    assert await _fill(large, "work", 6) == 3
    assert await _fill(small, "work", 1) == 0
    for _ in range(4):
        await reader.message("work")
    assert await _fill(small, "work", 3) == 1


@pytest.mark.req("LAY-081")
async def test_capacity_is_exact_for_many_sends_at_once(world: World) -> None:
    layer = world.layer(capacity=3)
    assert accepted(await world.together([layer.send("work", numbered(n)) for n in range(50)]), layer) == 3
    await layer.message("work")
    assert accepted(await world.together([layer.send("work", numbered(n)) for n in range(50)]), layer) == 1


@pytest.mark.req("LAY-081")
@pytest.mark.needs("peer")
async def test_capacity_is_exact_over_several_objects(world: World) -> None:
    layers = [world.layer(capacity=3) for _ in range(5)]
    calls = [layer.send("work", numbered(n)) for n in range(10) for layer in layers]
    assert accepted(await world.together(calls), layers[0]) == 3


@pytest.mark.req("LAY-082")
@pytest.mark.needs("peer")
@pytest.mark.waits
async def test_what_has_expired_does_not_count(world: World) -> None:
    short, long = world.layer(capacity=4, expiry=0.3), world.layer(capacity=4, expiry=60)
    await _fill(short, "work", 4)
    await _fill(short, "mixed", 2)
    await long.send("mixed", numbered(9))
    await world.pass_time(1.4)
    assert await _fill(long, "work", 6) == 4
    assert await _fill(long, "mixed", 6) == 3


@pytest.mark.req("LAY-082")
@pytest.mark.waits
async def test_what_has_expired_does_not_count_for_its_own_sender(world: World) -> None:
    layer = world.layer(capacity=4, expiry=0.3)
    assert await _fill(layer, "work", 4) == 4
    await world.pass_time(1.4)
    begun = time.monotonic()
    held = await _fill(layer, "work", 6)
    assert held >= 4
    assert held == 4 or time.monotonic() - begun >= 0.3, "more than fit, and none can have expired meanwhile"


@pytest.mark.req("LAY-083")
async def test_capacity_does_not_bind_local_channels(world: World) -> None:
    layer = world.layer(capacity=1, channel_capacity={"*": 1})
    inbox = await layer.new_channel()
    assert await _fill(layer, f"{inbox}1", 20) == 20
    assert await _fill(layer, inbox, 20) == 20


@pytest.mark.req("LAY-084")
async def test_an_inbox_holds_its_number_of_messages(world: World) -> None:
    layer = world.layer(inbox_capacity=5)
    inbox = await layer.new_channel()
    assert await _fill(layer, f"{inbox}1", 9) == 5
    await layer.message(inbox)
    assert await _fill(layer, f"{inbox}2", 9) == 1


@pytest.mark.req("LAY-084")
async def test_a_gap_takes_no_room(world: World) -> None:
    layer = world.layer(inbox_capacity=2)
    inbox = await layer.new_channel()
    await layer.group_add("room", f"{inbox}1")
    for number in range(4):
        await layer.send_group("room", numbered(number))
    while (await layer.message(inbox))["type"] == "layer.gap":
        pass
    assert await _fill(layer, f"{inbox}1", 3) == 1


@pytest.mark.req("LAY-084")
async def test_an_inbox_holds_its_number_of_bytes(world: World) -> None:
    layer = world.layer(inbox_bytes=20_000)
    inbox = await layer.new_channel()
    # Encoded, each takes 2,000 to 8,100 bytes (LAY-034).
    held = await _fill(layer, f"{inbox}1", 30, text="x" * 4000)
    assert 2 <= held <= 10, f"{held} messages of 4,000 characters in 20,000 bytes"
    for _ in range(held):
        await layer.message(inbox)
    assert await _fill(layer, f"{inbox}1", 30, text="x" * 4000) == held


@pytest.mark.req("LAY-085")
async def test_a_full_inbox_refuses_all_its_channels(world: World) -> None:
    layer = world.layer(inbox_capacity=2)
    inbox = await layer.new_channel()
    await layer.send(f"{inbox}1", numbered(1))
    await layer.send(inbox, numbered(2))
    for channel in (inbox, f"{inbox}1", f"{inbox}other"):
        await layer.send(channel, numbered(3)).raises(layer.raw.ChannelFull)
    assert numbers([await layer.message(inbox), await layer.message(inbox)]) == [1, 2]
    await layer.send(inbox, SENTINEL)
    assert await layer.up_to(SENTINEL, inbox) == []


@pytest.mark.req("LAY-086")
async def test_group_messages_for_a_full_inbox_are_counted_in_their_position(world: World) -> None:
    layer = world.layer(inbox_capacity=3)
    inbox = await layer.new_channel()
    await layer.group_add("room", f"{inbox}1")
    for number in (1, 2, 3):
        await layer.send(f"{inbox}1", numbered(number))
    for number in (4, 5):
        await layer.send_group("room", numbered(number))
    assert await layer.next(inbox) == (f"{inbox}1", numbered(1))
    await layer.send(f"{inbox}1", SENTINEL)
    gap = {"type": "layer.gap", "reason": "overflow", "dropped": 2}
    assert merged(await layer.up_to(SENTINEL, inbox)) == [numbered(2), numbered(3), gap]


@pytest.mark.req("LAY-087")
async def test_a_full_channel_costs_no_other_channel_a_message(world: World) -> None:
    layer = world.layer(capacity=2, inbox_capacity=2)
    full, other = await layer.new_channel(), await layer.new_channel()
    await layer.group_add("room", f"{full}1")
    await layer.group_add("room", f"{other}1")
    await _fill(layer, "work", 4)
    await _fill(layer, f"{full}1", 4)
    await layer.send_group("room", numbered(1))
    await layer.send("quiet", numbered(2))
    assert await layer.next(other) == (f"{other}1", numbered(1))
    assert await layer.next("quiet") == ("quiet", numbered(2))

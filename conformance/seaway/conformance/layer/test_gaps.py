"""No loss is silent, and no gap without a cause."""

from __future__ import annotations

import json
from collections import Counter
from importlib.resources import files
from typing import Any

import pytest

from seaway.conformance.layer.values import SENTINEL, SHORT_LEASE, merged, missing, numbered, numbers
from seaway.conformance.world import World
from seaway.spec import InvalidMessage, validate

EXPIRY = 0.3
AFTER = EXPIRY + 1.1


def is_gap(message: dict[str, Any], reason: str) -> None:
    """Assert that *message* is a ``layer.gap`` with that *reason* and nothing wrong."""
    assert message["type"] == "layer.gap", message
    try:
        validate(message)
    except InvalidMessage as error:
        raise AssertionError(f"{message!r}: {error}") from error
    assert message["reason"] == reason, message


@pytest.mark.req("GAP-001")
@pytest.mark.waits
async def test_a_gap_is_valid_under_its_schema(world: World) -> None:
    layer = world.layer(inbox_capacity=1, expiry=EXPIRY)
    inbox = await layer.new_channel()
    await layer.group_add("room", f"{inbox}1")
    for number in range(3):
        await layer.send_group("room", numbered(number))
    await world.pass_time(AFTER)
    gaps = [message for _, message in await layer.at_hand(inbox)]
    schema = json.loads((files("seaway.spec") / "schemas" / "layer.gap.json").read_text(encoding="utf-8"))
    assert {gap.get("reason") for gap in gaps} == {"overflow", "expired"}
    for gap in gaps:
        is_gap(gap, gap["reason"])
        assert set(schema["required"]) <= set(gap)
        assert type(gap["dropped"]) is int
        assert gap["dropped"] >= 1


@pytest.mark.req("GAP-002")
@pytest.mark.waits
async def test_sent_is_delivered_raised_or_announced(world: World) -> None:
    layer = world.layer(inbox_capacity=6, expiry=EXPIRY)
    inbox = await layer.new_channel()
    member = f"{inbox}1"
    await layer.group_add("room", member)
    sent = refused = delivered = announced = 0
    for round_ in range(3):
        for number in range(12):
            group = number % 3 == 1
            call = layer.send_group("room", numbered(number)) if group else layer.send(member, numbered(number))
            outcome = await call.outcome()
            sent += 1
            refused += outcome.error is not None
            if number in (4, 7) and round_ != 1:
                message = await layer.message(inbox)
                delivered += message["type"] == "test.message"
                announced += missing(message)
        if round_ == 1:
            await world.pass_time(AFTER)
    for _, message in await layer.at_hand(inbox):
        delivered += message["type"] == "test.message"
        announced += missing(message)
    assert sent == delivered + refused + announced, f"{sent=} {delivered=} {refused=} {announced=}"


@pytest.mark.req("GAP-003")
async def test_what_was_not_accepted_has_raised(world: World) -> None:
    layer = world.layer(capacity=3, inbox_capacity=3)
    inbox = await layer.new_channel()
    for channel, source in (("work", "work"), (f"{inbox}1", inbox)):
        accepted = [n for n in range(8) if (await layer.send(channel, numbered(n)).outcome()).error is None]
        got = [await layer.message(source) for _ in accepted]
        assert numbers(got) == accepted
        await layer.nothing(source)


@pytest.mark.req("GAP-003")
async def test_what_was_accepted_comes_while_another_inbox_waits(world: World) -> None:
    layer = world.layer(inbox_capacity=3)
    waiting, slow = await layer.new_channel(), await layer.new_channel()
    for inbox in (waiting, slow):
        await layer.send(f"{inbox}1", numbered(-1))
        assert await layer.next(inbox) == (f"{inbox}1", numbered(-1))
    accepted: list[int] = []

    async def fill() -> None:
        for number in range(8):
            if (await layer.send(f"{slow}1", numbered(number)).outcome()).error is None:
                accepted.append(number)
            await world.let_run()
        await layer.send(f"{waiting}1", SENTINEL)

    outcome = await world.waiting(layer.receive([waiting], 2 * world.limits.deadline), fill)
    assert outcome.value == (f"{waiting}1", SENTINEL)
    got = [await layer.receive([slow], world.limits.deadline / 2) for _ in accepted]
    assert [message and message.get("number") for _, message in got] == accepted, got


@pytest.mark.req("GAP-006")
@pytest.mark.waits
async def test_an_expired_gap_stands_where_messages_are_missing(world: World) -> None:
    # Group messages and direct ones may have different expiry, so that some in the middle expire.
    layer = world.layer(expiry=60, channel_expiry={"*": EXPIRY})
    inbox = await layer.new_channel()
    await layer.group_add("room", f"{inbox}1")
    await layer.send_group("room", numbered(1))
    for number in (2, 3):
        await layer.send(f"{inbox}1", numbered(number))
    await layer.send_group("room", numbered(4))
    await world.pass_time(AFTER)
    await layer.send_group("room", numbered(5))
    gap = {"type": "layer.gap", "reason": "expired", "dropped": 2}
    got = merged([await layer.message(inbox) for _ in range(3)] + [m for _, m in await layer.at_hand(inbox)])
    assert got == [numbered(1), gap, numbered(4), numbered(5)]


@pytest.mark.req("GAP-006")
async def test_an_overflow_gap_stands_where_messages_are_missing(world: World) -> None:
    layer = world.layer(inbox_capacity=2)
    inbox = await layer.new_channel()
    await layer.group_add("room", f"{inbox}1")
    for number in range(4):
        await layer.send_group("room", numbered(number))
    assert await layer.message(inbox) == numbered(0)
    for number in (4, 5, 6):
        await layer.send_group("room", numbered(number))
    got = [await layer.message(inbox)]
    while (received := await layer.receive([inbox], 0))[0] is not None:
        got.append(received[1])
    assert merged(got) == [numbered(1), _overflow(2), numbered(4), _overflow(2)]


def _overflow(dropped: int) -> dict[str, Any]:
    return {"type": "layer.gap", "reason": "overflow", "dropped": dropped}


@pytest.mark.req("GAP-008")
async def test_an_overflow_gap_carries_the_exact_number(world: World) -> None:
    layer = world.layer(inbox_capacity=1)
    for dropped in (1, 2, 17):
        inbox = await layer.new_channel()
        await layer.group_add(f"room{dropped}", f"{inbox}1")
        for number in range(1 + dropped):
            await layer.send_group(f"room{dropped}", numbered(number))
        assert await layer.message(inbox) == numbered(0)
        await layer.send(f"{inbox}1", SENTINEL)
        gaps = await layer.up_to(SENTINEL, inbox)
        for gap in gaps:
            is_gap(gap, "overflow")
        assert sum(map(missing, gaps)) == dropped


@pytest.mark.req("GAP-008")
@pytest.mark.waits
async def test_an_expired_gap_carries_the_exact_number(world: World) -> None:
    layer = world.layer(expiry=EXPIRY)
    inbox = await layer.new_channel()
    for member, count in (("1", 1), ("2", 5)):
        for number in range(count):
            await layer.send(inbox + member, numbered(number))
    await world.pass_time(AFTER)
    assert _counted(await layer.at_hand(inbox), inbox) in ({"1": 1, "2": 5}, {"": 6})


@pytest.mark.req("GAP-020")
async def test_overflow_gaps_that_stand_next_to_each_other_are_one(world: World) -> None:
    layer = world.layer(inbox_capacity=1)
    inbox = await layer.new_channel()
    await layer.group_add("room", f"{inbox}1")
    for number in range(6):
        await layer.send_group("room", numbered(number))
    got = [message["type"] for _, message in await layer.at_hand(inbox)]
    assert got.count("layer.gap") <= 1, got


@pytest.mark.req("GAP-020")
@pytest.mark.waits
async def test_expired_gaps_that_stand_next_to_each_other_are_one(world: World) -> None:
    layer = world.layer(expiry=EXPIRY)
    inbox = await layer.new_channel()
    for number in range(3):
        await layer.send(f"{inbox}1", numbered(number))
    await world.pass_time(AFTER)
    got = [message["type"] for _, message in await layer.at_hand(inbox)]
    assert got.count("layer.gap") <= 1, got


@pytest.mark.req("GAP-017")
@pytest.mark.waits
async def test_expired_messages_for_local_channels_are_announced(world: World) -> None:
    layer = world.layer(expiry=EXPIRY)
    inbox = await layer.new_channel()
    for member in ("1", "2"):
        await layer.group_add("room", inbox + member)
    await layer.send(f"{inbox}1", numbered(1))
    await layer.send_group("room", numbered(2))
    await world.pass_time(AFTER)
    got = await layer.at_hand(inbox)
    for _, message in got:
        is_gap(message, "expired")
    # A group message is one for each member, or one entry of the inbox as a whole.
    assert _counted(got, inbox) in ({"1": 2, "2": 1}, {"": 3}, {"": 2})


def _counted(got: list[tuple[str, dict[str, Any]]], inbox: str) -> dict[str, int]:
    """Return how many messages are announced as missing, by local name."""
    counted: Counter[str] = Counter()
    for channel, message in got:
        assert message["type"] == "layer.gap", message
        counted[channel.removeprefix(inbox)] += missing(message)
    return dict(counted)


@pytest.mark.req("GAP-009")
async def test_no_gap_without_a_cause(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    await layer.group_add("room", f"{inbox}1")
    for number in range(20):
        await layer.send(f"{inbox}1", numbered(number))
        await layer.send_group("room", numbered(number))
    await layer.group_discard("room", f"{inbox}1")
    await layer.group_add("room", f"{inbox}2")
    await layer.close_channel(f"{inbox}2")
    await layer.send(f"{inbox}1", SENTINEL)
    got = [message for message in await layer.up_to(SENTINEL, inbox) if message["type"] == "layer.gap"]
    assert got == []
    assert await layer.receive([inbox], 0) == (None, None)


@pytest.mark.req("GAP-009")
@pytest.mark.waits
async def test_no_gap_comes_by_the_passing_of_time(world: World) -> None:
    layer = world.layer(lease=SHORT_LEASE)
    inbox = await layer.new_channel()
    await layer.group_add("room", f"{inbox}1")
    await world.pass_time(SHORT_LEASE + 1)
    await layer.nothing(inbox)
    await layer.send(f"{inbox}1", SENTINEL)
    assert await layer.up_to(SENTINEL, inbox) == []


@pytest.mark.req("GAP-012")
@pytest.mark.waits
async def test_a_gap_comes_under_the_inbox_or_a_name_under_it(world: World) -> None:
    layer = world.layer(inbox_capacity=1, expiry=EXPIRY)
    inbox = await layer.new_channel()
    await layer.group_add("room", f"{inbox}1")
    for number in range(4):
        await layer.send_group("room", numbered(number))
    await world.pass_time(AFTER)
    got = await layer.at_hand(inbox)
    assert got
    assert {channel for channel, _ in got} <= {inbox, f"{inbox}1"}


@pytest.mark.req("GAP-013")
@pytest.mark.waits
async def test_a_normal_channel_yields_no_gap(world: World) -> None:
    layer = world.layer(capacity=2, expiry=EXPIRY)
    for number in range(4):
        await layer.send("work", numbered(number)).outcome()
    await world.pass_time(AFTER)
    assert await layer.at_hand("work") == []

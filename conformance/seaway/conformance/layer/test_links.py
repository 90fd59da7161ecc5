"""A connection that is cut, loses an answer, or leads nowhere, while other objects still reach the broker."""

from __future__ import annotations

import time
from typing import Any

import anyio
import pytest

from seaway.conformance.face import Face
from seaway.conformance.layer.values import SENTINEL, numbered, numbers
from seaway.conformance.world import World

SEND_DEADLINE = 0.5
LEASE = 6.0


async def _joined(world: World, **options: Any) -> tuple[Face, str]:
    """Return an object and its inbox, whose channel 1 is in the group "room" and has had a message."""
    layer = world.layer(**options)
    inbox = await layer.new_channel()
    await layer.group_add("room", f"{inbox}1")
    await layer.send(f"{inbox}1", numbered(-1))
    await layer.message(inbox)
    return layer, inbox


async def _gap(layer: Face, inbox: str, seconds: float) -> list[dict[str, Any]]:
    """Return what comes within *seconds*, up to the first ``layer.gap`` with reason lost, which must come."""
    deadline = time.monotonic() + seconds
    got: list[dict[str, Any]] = []
    while time.monotonic() < deadline:
        channel, message = await layer.receive([inbox], 0.1)
        if channel is None:
            continue
        got.append(message)
        if message["type"] == "layer.gap" and message["reason"] == "lost":
            return got
    raise AssertionError(f"no layer.gap with reason 'lost' within {seconds:g} s; got {got}")


@pytest.mark.req("LAY-038", "LAY-037")
@pytest.mark.needs("link", "peer")
async def test_a_send_whose_answer_was_lost_is_not_sent_again(world: World) -> None:
    layer, inbox = await _joined(world, capacity=1000)
    sender = world.layer(capacity=1000, send_deadline=SEND_DEADLINE)
    await world.reachable(sender)
    returned = []
    for number in range(12):
        await world.link(sender, "drop_reply")
        kind = number % 3
        send = sender.send_group("room", numbered(number)) if kind == 2 else None
        send = send or sender.send("work" if kind else f"{inbox}1", numbered(number))
        outcome = await send.outcome()
        assert outcome.error is None or isinstance(outcome.error, ConnectionError), outcome
        returned += [number] if outcome.error is None else []
        await world.link(sender, "restore")
        await world.reachable(sender)
    world.note("sends whose answer was lost", 12 - len(returned))
    await world.accepted(lambda: sender.send("work", SENTINEL))
    await world.accepted(lambda: sender.send(f"{inbox}1", SENTINEL))
    got = numbers([*await layer.up_to(SENTINEL, "work"), *await layer.up_to(SENTINEL, inbox)])
    assert len(got) == len(set(got)), f"sent again: {sorted(got)}"
    assert set(returned) <= set(got)


@pytest.mark.req("LAY-036")
@pytest.mark.needs("link")
async def test_a_send_into_a_dead_connection_raises_in_time(world: World) -> None:
    layer = world.layer(send_deadline=SEND_DEADLINE)
    await world.reachable(layer)
    await world.link(layer, "blackhole")
    for send in (layer.send("work", numbered(1)), layer.send_group("room", numbered(1))):
        await world.raises_in_time(send, SEND_DEADLINE)
    await world.link(layer, "restore")
    await world.reachable(layer)


@pytest.mark.req("GAP-009", "GAP-002")
@pytest.mark.needs("link", "peer")
async def test_a_mere_cut_loses_nothing_and_gives_no_gap(world: World) -> None:
    layer, inbox = await _joined(world)
    sender = world.layer()
    for number in range(40):
        if number % 10 == 5:
            await world.link(layer, "cut")
        if number % 2:
            await sender.send(f"{inbox}1", numbered(number))
        else:
            await sender.send_group("room", numbered(number))
    await sender.send(f"{inbox}1", SENTINEL)
    assert numbers(await layer.up_to(SENTINEL, inbox)) == list(range(40))


@pytest.mark.req("LAY-056")
@pytest.mark.needs("link", "peer")
async def test_a_waiting_receive_goes_on_after_a_cut(world: World) -> None:
    layer, inbox = await _joined(world)
    sender = world.layer()

    async def fault() -> None:
        await world.link(layer, "cut")
        await sender.send("work", numbered(1))

    outcome = await world.waiting(layer.receive([inbox, "work"], world.limits.deadline), fault)
    assert outcome.value == ("work", numbered(1)), outcome


@pytest.mark.req("LAY-073", "LAY-077")
@pytest.mark.needs("link", "peer")
async def test_cuts_under_traffic_neither_double_nor_reorder(world: World) -> None:
    layer, inbox = await _joined(world)
    sender = world.layer()
    returned: list[int] = []

    async def send() -> None:
        for number in range(90):
            outcome = await sender.send(f"{inbox}1", numbered(number)).outcome()
            assert outcome.error is None or isinstance(outcome.error, ConnectionError), outcome
            returned.extend([number] if outcome.error is None else [])

    async def cut() -> None:
        for _ in range(6):
            await anyio.sleep(0.01)
            await world.link(sender, "cut")
            await world.link(layer, "cut")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(send)
        tasks.start_soon(cut)
    await world.reachable(sender)
    await sender.send(f"{inbox}1", SENTINEL)
    got = [number for number in numbers(await layer.up_to(SENTINEL, inbox)) if number in returned]
    assert got == returned


@pytest.mark.req("GAP-004")
@pytest.mark.needs("link", "broker", "peer")
async def test_a_loss_behind_a_dead_connection_is_told_within_the_lease_of_coming_back(world: World) -> None:
    layer, inbox = await _joined(world, lease=LEASE, send_deadline=5)
    sender = world.layer()
    await world.reachable(sender)
    await world.link(layer, "blackhole")
    await sender.send(f"{inbox}1", numbered(1))
    await world.broker("lose_data")
    await world.link(layer, "restore")
    got = await _gap(layer, inbox, LEASE + 1)
    assert 1 not in numbers(got), "the broker has lost it"
    await world.restored(layer, inbox, "room", LEASE + 1)


@pytest.mark.req("GAP-005")
@pytest.mark.needs("link", "peer")
@pytest.mark.waits
async def test_an_owner_that_is_cut_off_is_told_after_the_lease_and_again_when_it_is_back(world: World) -> None:
    layer, inbox = await _joined(world, lease=LEASE, send_deadline=5)
    begun = time.monotonic()
    await world.link(layer, "blackhole")
    await _gap(layer, inbox, LEASE + world.limits.deadline)
    passed = time.monotonic() - begun
    assert passed > LEASE / 2, f"told after {passed:.1f} s, with a lease of {LEASE:g}: it cannot know yet"
    await world.link(layer, "restore")
    await _gap(layer, inbox, world.limits.deadline)
    await world.layer().send(f"{inbox}1", SENTINEL)
    await layer.up_to(SENTINEL, inbox)

"""A broker that goes away, comes back, and has lost its data. They need a harness that can do that to it."""

from __future__ import annotations

import time
from typing import Any

import anyio
import pytest

from seaway.conformance.layer.values import SENTINEL, numbered, numbers
from seaway.conformance.pace import Pace
from seaway.conformance.world import World

SEND_DEADLINE = 0.5
"""Seconds. Where a call must succeed with it, it is made by `World.accepted`."""
LEASE = 3.0
QUIET = 6.0
"""Seconds: longer than clients of brokers wait for a reply by default."""


@pytest.mark.req("LAY-036")
@pytest.mark.needs("broker")
async def test_send_without_a_broker_raises_in_time(world: World) -> None:
    layer = world.layer(send_deadline=SEND_DEADLINE)
    await world.reachable(layer)
    async with world.without_broker():
        await world.raises_in_time(layer.send("work", numbered(1)), SEND_DEADLINE)
        await world.raises_in_time(layer.send_group("room", numbered(1)), SEND_DEADLINE)


@pytest.mark.req("LAY-037")
@pytest.mark.needs("broker")
async def test_a_send_that_raised_is_delivered_once_or_never(world: World) -> None:
    layer = world.layer(send_deadline=SEND_DEADLINE)
    await world.reachable(layer)
    async with world.without_broker():
        for number in range(3):
            await layer.send("work", numbered(number)).raises(ConnectionError)
    await world.accepted(lambda: layer.send("work", SENTINEL))
    got = numbers(await layer.up_to(SENTINEL, "work"))
    assert len(got) == len(set(got)), got


@pytest.mark.req("LAY-041")
@pytest.mark.needs("broker")
@pytest.mark.waits
async def test_a_receive_outlives_a_quiet_connection(world: World) -> None:
    layer, sender = world.layer(), world.layer()
    inbox = await layer.new_channel()

    async def wait(channel: str, source: str) -> None:
        async def send() -> None:
            await anyio.sleep(QUIET)
            await sender.send(channel, numbered(1))

        outcome = await world.waiting(layer.receive([source], 2 * QUIET), send)
        assert outcome.value == (channel, numbered(1)), f"after {QUIET} quiet seconds: {outcome}"

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait, "work", "work")
        tasks.start_soon(wait, f"{inbox}1", inbox)


@pytest.mark.req("LAY-056")
@pytest.mark.needs("broker")
async def test_a_waiting_receive_goes_on_when_the_broker_is_back(world: World) -> None:
    layer = world.layer()
    await layer.send("work", numbered(0))
    await layer.message("work")

    async def fault() -> None:
        async with world.without_broker():
            await anyio.sleep(0.2)
        await world.reachable()
        await world.layer().send("work", numbered(1))

    outcome = await world.waiting(layer.receive(["work"], 1 + world.limits.deadline), fault)
    assert outcome.value == ("work", numbered(1)), outcome


@pytest.mark.req("LAY-061")
@pytest.mark.needs("broker")
async def test_inboxes_and_memberships_need_a_broker(world: World) -> None:
    layer = world.layer(send_deadline=SEND_DEADLINE)
    inbox = await world.accepted(layer.new_channel)
    await world.accepted(lambda: layer.group_add("hall", f"{inbox}1"))
    async with world.without_broker():
        await world.raises_in_time(layer.new_channel("here!"), SEND_DEADLINE)
        await world.raises_in_time(layer.group_add("room", f"{inbox}1"), SEND_DEADLINE)
        await world.raises_in_time(layer.group_discard("hall", f"{inbox}1"), SEND_DEADLINE)


@pytest.mark.req("LAY-065")
@pytest.mark.needs("broker")
async def test_close_channel_does_not_raise_for_an_absent_broker(world: World) -> None:
    layer = world.layer(send_deadline=SEND_DEADLINE)
    inbox = await world.accepted(layer.new_channel)
    await world.accepted(lambda: layer.group_add("room", f"{inbox}1"))
    async with world.without_broker():
        assert await layer.close_channel(f"{inbox}1") is None
        assert await layer.close_channel(inbox) is None


@pytest.mark.req("LAY-066")
@pytest.mark.needs("broker")
async def test_closing_a_channel_without_memberships_asks_nobody(world: World) -> None:
    layer = world.layer(send_deadline=SEND_DEADLINE)
    inbox = await world.accepted(layer.new_channel)
    async with world.without_broker():
        with Pace() as pace:
            for number in range(4):
                await layer.close_channel(f"{inbox}{number}")
    assert pace.seconds < 4 * SEND_DEADLINE / 2, f"4 calls took {pace.seconds:.1f} s without a broker"


@pytest.mark.req("LAY-021")
@pytest.mark.needs("broker")
async def test_close_does_not_raise_for_an_absent_broker(world: World) -> None:
    layer = world.layer(send_deadline=SEND_DEADLINE)
    await world.accepted(layer.new_channel)
    async with world.without_broker():
        await layer.close()


@pytest.mark.req("GRP-004")
@pytest.mark.needs("broker")
async def test_a_group_add_that_found_no_broker_leaves_nothing_behind(world: World) -> None:
    layer = world.layer(send_deadline=SEND_DEADLINE)
    inbox = await world.accepted(layer.new_channel)
    async with world.without_broker():
        await layer.group_add("room", f"{inbox}1").raises(ConnectionError)
    await world.reachable()
    await world.recovered(layer, inbox)
    await world.accepted(lambda: layer.send_group("room", numbered(1)))
    await world.accepted(lambda: layer.send(f"{inbox}1", SENTINEL))
    assert 1 not in numbers(await layer.up_to(SENTINEL, inbox))


@pytest.mark.req("GRP-016")
@pytest.mark.needs("broker")
@pytest.mark.waits
async def test_memberships_are_restored_after_the_broker_lost_its_data(world: World) -> None:
    layer = world.layer(lease=LEASE)
    inbox = await layer.new_channel()
    await layer.group_add("room", f"{inbox}1")
    await world.broker("lose_data")
    await anyio.sleep(LEASE + 0.2)
    await layer.send_group("room", numbered(1))
    await layer.send(f"{inbox}1", SENTINEL)
    assert 1 in numbers(await layer.up_to(SENTINEL, inbox))


@pytest.mark.req("GAP-010")
@pytest.mark.needs("broker")
@pytest.mark.waits
async def test_a_broker_that_lost_its_data_gives_a_gap(world: World) -> None:
    layer = world.layer(lease=LEASE)
    inbox = await layer.new_channel()
    await layer.group_add("room", f"{inbox}1")
    await layer.send(f"{inbox}1", numbered(1))
    await world.broker("lose_data")
    deadline = time.monotonic() + LEASE + 1
    got: list[dict[str, Any]] = []
    while time.monotonic() < deadline and "layer.gap" not in [message["type"] for message in got]:
        channel, message = await layer.receive([inbox], 0.1)
        got += [message] if channel is not None else []
    gaps = [message for message in got if message["type"] == "layer.gap"]
    assert gaps, f"no layer.gap within the lease; got {got}"
    assert gaps[0]["reason"] == "lost"

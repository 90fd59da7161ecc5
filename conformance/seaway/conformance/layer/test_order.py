"""First in, first out; and nothing twice."""

from __future__ import annotations

import anyio
import pytest

from seaway.conformance.layer.values import SENTINEL, number_of, numbered, numbers
from seaway.conformance.world import World


def _twice(numbers: list[int]) -> list[int]:
    return sorted({number for number in numbers if numbers.count(number) > 1})


@pytest.mark.req("LAY-073")
async def test_nothing_is_given_twice_to_several_readers(world: World) -> None:
    layer = world.layer(capacity=1000)
    got: list[int] = []

    all_sent = anyio.Event()

    async def read() -> None:
        while True:
            channel, message = await layer.receive(["work"], world.limits.silence)
            if channel is not None:
                got.append(number_of(message))
            elif all_sent.is_set():
                return

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(read)
        for number in range(150):
            await layer.send("work", numbered(number))
        all_sent.set()
    assert _twice(got) == []


@pytest.mark.req("LAY-073")
async def test_a_member_of_a_group_gets_nothing_twice(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    for group in ("room", "hall"):
        await layer.group_add(group, f"{inbox}1")
    for number in range(20):
        await layer.send_group("room", numbered(number))
    await layer.send(f"{inbox}1", SENTINEL)
    assert sorted(map(number_of, await layer.up_to(SENTINEL, inbox))) == list(range(20))


@pytest.mark.req("LAY-077")
async def test_sends_of_one_object_reach_a_normal_channel_in_order(world: World) -> None:
    layer = world.layer(capacity=1000)
    for number in range(200):
        await layer.send("work", numbered(number))
    await layer.send("work", SENTINEL)
    assert numbers(await layer.up_to(SENTINEL, "work")) == list(range(200))


@pytest.mark.req("LAY-077")
async def test_direct_and_group_messages_of_one_object_reach_a_channel_in_order(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    await layer.group_add("room", f"{inbox}1")
    await layer.group_add("hall", f"{inbox}1")
    for number in range(90):
        if number % 3 == 0:
            await layer.send(f"{inbox}1", numbered(number))
        else:
            await layer.send_group("room" if number % 3 == 1 else "hall", numbered(number))
    await layer.send(f"{inbox}1", SENTINEL)
    assert numbers(await layer.up_to(SENTINEL, inbox)) == list(range(90))


@pytest.mark.req("LAY-077")
async def test_messages_keep_their_order_while_a_receiver_comes_and_goes(world: World) -> None:
    layer = world.layer()
    got = []
    for number in range(60):
        await layer.send("work", numbered(number))
        if number % 4 == 3:
            got += [await layer.message("work") for _ in range(3)]
    await layer.send("work", SENTINEL)
    assert numbers(got + await layer.up_to(SENTINEL, "work")) == list(range(60))


@pytest.mark.req("LAY-078")
@pytest.mark.needs("peer")
async def test_a_normal_channel_is_first_in_first_out_over_all_senders(world: World) -> None:
    senders, reader = [world.layer(capacity=1000) for _ in range(3)], world.layer()
    for number in range(90):
        await senders[number % 3].send("work", numbered(number))
    await senders[0].send("work", SENTINEL)
    assert numbers(await reader.up_to(SENTINEL, "work")) == list(range(90))

"""Joins of one group that begin while another is on its way share its answer, and each holds when it returns."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from typing import Any

import anyio
import pytest

from seaway.conformance.brokers import FaultProxy, Server

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

MEMBERS = 500


async def members(layer: Any, inbox: str) -> list[str]:
    """Return which channels under *inbox* a message to the group reaches."""
    await layer.send_group("room", {"type": "test.message"})
    await layer.send(f"{inbox}end", {"type": "test.end"})
    got: list[str] = []
    while True:
        channel, message = await layer.receive([inbox], 60)
        if message["type"] == "test.end":
            return sorted(got)
        got.append(channel.removeprefix(inbox))


async def test_joins_that_begin_at_once_share_a_call(redis_in_a_loop: Any) -> None:
    with Server() as server:
        layer = redis_in_a_loop.layer(port=server.port)
        inbox = await layer.new_channel("here!")
        async with anyio.create_task_group() as tasks:
            for number in range(MEMBERS):
                tasks.start_soon(layer.group_add, "room", f"{inbox}{number}")
        found = re.search(r"cmdstat_zadd:calls=(\d+)", server.command("INFO", "commandstats"))
        assert found is not None
        assert int(found[1]) <= 3  # one, and what the heartbeat renews if the machine is slow
        assert await members(layer, inbox) == sorted(map(str, range(MEMBERS)))
        await layer.close()


async def ended(call: Awaitable[None], errors: list[Exception]) -> None:
    try:
        await call
    except ConnectionError as error:
        errors.append(error)


async def test_a_join_does_not_share_the_answer_to_one_that_a_leave_waits_behind(
    broker: Server, redis_in_a_loop: Any
) -> None:
    with FaultProxy(broker) as proxy:
        layer = redis_in_a_loop.layer(port=proxy.port)
        inbox = await layer.new_channel("here!")
        proxy.delay(0.1)
        async with anyio.create_task_group() as tasks:
            for change in (layer.group_add, layer.group_discard, layer.group_add):
                tasks.start_soon(change, "room", f"{inbox}1")
                await anyio.sleep(0.01)  # so that they begin in this order
            tasks.start_soon(layer.group_add, "room", f"{inbox}2")
        proxy.restore()
        assert await members(layer, inbox) == ["1", "2"]
        await layer.close()


async def test_of_joins_that_share_an_answer_those_that_are_cancelled_do_not_hold_and_the_others_do(
    broker: Server, redis_in_a_loop: Any
) -> None:
    with FaultProxy(broker) as proxy:
        layer = redis_in_a_loop.layer(port=proxy.port)
        inbox = await layer.new_channel("here!")
        proxy.blackhole()
        scopes = {}

        async def join(member: str) -> None:
            with anyio.CancelScope() as scopes[member]:
                await layer.group_add("room", inbox + member)

        async with anyio.create_task_group() as tasks:
            for member in "1234":
                tasks.start_soon(join, member)
                await anyio.sleep(0.01)  # so that they begin in this order
            for member in "13":
                scopes[member].cancel()
            await anyio.sleep(0.01)
            proxy.restore()
            proxy.cut()  # what is asked again is the join that all share
        assert await members(layer, inbox) == ["2", "4"]
        await layer.close()


async def test_a_join_outlives_the_one_whose_answer_it_waits_for(broker: Server, redis_in_a_loop: Any) -> None:
    with FaultProxy(broker) as proxy:
        layer = redis_in_a_loop.layer(port=proxy.port, send_deadline=6)
        inbox = await layer.new_channel("here!")
        errors: dict[str, list[Exception]] = {"1": [], "2": []}
        proxy.blackhole()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ended, layer.group_add("room", f"{inbox}1"), errors["1"])
            await anyio.sleep(5)
            tasks.start_soon(ended, layer.group_add("room", f"{inbox}2"), errors["2"])
            while not errors["1"]:
                await anyio.sleep(0.05)
            proxy.restore()
        assert not errors["2"]
        assert await members(layer, inbox) == ["2"]
        await layer.close()

"""How often a broker is asked for messages of normal channels, and what becomes of what a connection is asked."""

from __future__ import annotations

import re
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from seaway.conformance.brokers import FaultProxy, Server

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

TOGETHER = 16
MESSAGES = 1600


def questions(server: Server) -> int:
    """Return how often somebody has asked for messages of normal channels: each answer is kept, and nothing else is."""
    found = re.search(r"cmdstat_set:calls=(\d+)", server.command("INFO", "commandstats"))
    return int(found[1]) if found else 0


async def test_receives_that_wait_together_share_a_question(redis_in_a_loop: Any) -> None:
    with Server() as server:
        layer = redis_in_a_loop.layer(port=server.port, capacity=MESSAGES)
        async with anyio.create_task_group() as tasks:
            for _ in range(MESSAGES):
                tasks.start_soon(layer.send, "work", {"type": "test.message"})
        taken = 0

        async def take() -> None:
            nonlocal taken
            while taken < MESSAGES - TOGETHER:  # so that nobody waits for more than there is
                await layer.receive(["work"])
                taken += 1

        async with anyio.create_task_group() as tasks:
            for _ in range(TOGETHER):
                tasks.start_soon(take)
        # On trio a call does not wait for others before it asks, so every other question is for one alone.
        assert questions(server) <= MESSAGES / TOGETHER * 3
        await layer.close()


async def test_what_is_given_back_is_there_before_the_next_question(broker: Server, redis_in_a_loop: Any) -> None:
    """A question goes straight to the broker; what a cancelled call had in its hands must not come after it."""
    sender = redis_in_a_loop.layer()
    for number in (1, 2):
        await sender.send("work", {"type": "test.message", "number": number})
    with FaultProxy(broker) as proxy:
        layer = redis_in_a_loop.layer(port=proxy.port)
        await layer.send("elsewhere", {"type": "test.message"})
        engine = redis_in_a_loop.engine(layer)
        proxy.delay(0.2)
        has_ended = anyio.Event()
        scope = anyio.CancelScope()

        async def cancelled() -> None:
            with scope:
                await layer.receive(["work"])
            has_ended.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(cancelled)
            while not engine.lines.is_asking:
                await anyio.lowlevel.checkpoint()
            scope.cancel()
            while not engine.lane.queue and not has_ended.is_set():
                await anyio.lowlevel.checkpoint()  # until the message is about to be given back
            first = await layer.receive(["work"])
        proxy.restore()
        assert (first[1]["number"], (await layer.receive(["work"]))[1]["number"]) == (1, 2)
        await layer.close()

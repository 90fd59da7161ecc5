"""What several processes did at once, each in a log of its own, must be explained by the guarantees.

The text of a failure is the shortest part of the logs that no order of effects explains.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from seaway.conformance.history import Bounds
from seaway.conformance.layer.storm import Storm
from seaway.conformance.world import World

CAPACITY = 10
INBOX_CAPACITY = 15
EXPIRY = 60.0
BOUNDS = Bounds(capacity=CAPACITY, expiry=EXPIRY)
SHORT = 0.5
UNTIL_KILLED = 10_000
OPTIONS = {"capacity": CAPACITY, "inbox_capacity": INBOX_CAPACITY, "expiry": EXPIRY}


@asynccontextmanager
async def _storm(world: World, **options: Any) -> AsyncIterator[Storm]:
    with tempfile.TemporaryDirectory() as folder:
        async with anyio.create_task_group() as tasks:
            yield Storm(world, tasks, Path(folder), **options)


@pytest.mark.req("LAY-022", "LAY-031", "LAY-043", "LAY-050", "LAY-054", "LAY-073", "LAY-077", "LAY-078", "LAY-080")
@pytest.mark.req("LAY-081", "GRP-007", "GRP-012", "GRP-013", "GAP-002", "GAP-008", "GAP-009", "GAP-013", "MSG-014")
@pytest.mark.needs("process")
async def test_what_several_processes_did_is_explained(world: World) -> None:
    async with _storm(world, **OPTIONS) as storm:
        inbox = await storm.owner("owner", "room")
        for name in ("sender", "sender-2"):
            await storm.sender(name, ("work", f"{inbox}direct"), "room", 150)
        for name in ("sender", "sender-2"):
            await storm.under_way(name, 50)  # what they send to is full by now
        storm.begin("owner")
        for name in ("reader", "reader-2"):
            await storm.reader(name, ("work",))
        for name in ("sender", "sender-2"):
            await storm.under_way(name, 150)
        await storm.judge(BOUNDS)


@pytest.mark.req("LAY-043", "LAY-050", "LAY-054", "LAY-073", "LAY-077", "LAY-078", "GRP-012", "GRP-013", "GAP-002")
@pytest.mark.needs("process")
async def test_what_several_processes_did_while_some_were_killed_is_explained(world: World) -> None:
    async with _storm(world, **OPTIONS) as storm:
        inbox = await storm.owner("owner", "room")
        storm.begin("owner")
        targets = ("work", f"{inbox}direct")

        async def owner_killed() -> None:
            await storm.owner("owner-killed", "room")
            storm.begin("owner-killed")

        async with anyio.create_task_group() as starting:
            starting.start_soon(owner_killed)
            for name in ("reader", "reader-killed", "reader-killed-2"):
                starting.start_soon(storm.reader, name, ("work",))
            for name, most in (("sender", 120), ("sender-killed", UNTIL_KILLED), ("sender-killed-2", UNTIL_KILLED)):
                starting.start_soon(storm.sender, name, targets, "room", most)
        for name in ("reader-killed", "sender-killed", "owner-killed", "reader-killed-2", "sender-killed-2"):
            await storm.kill(name)
        await storm.judge(BOUNDS)


@pytest.mark.req("LAY-088", "LAY-082")
@pytest.mark.needs("process")
@pytest.mark.waits
async def test_what_one_process_sent_expires_for_another(world: World) -> None:
    async with _storm(world, **{**OPTIONS, "expiry": SHORT}) as storm:
        await storm.sender("sender", ("work", "other-work"), "", 2 * CAPACITY)
        await storm.under_way("sender", 2 * CAPACITY)
        await anyio.sleep(SHORT + Bounds().margin + 0.2)  # on the clock of the logs
        await storm.sender("sender-2", ("work", "other-work"), "", CAPACITY)  # there is room again
        await storm.reader("reader", ("work", "other-work"))
        await storm.under_way("sender-2", CAPACITY)
        await storm.judge(Bounds(capacity=CAPACITY, expiry=SHORT))

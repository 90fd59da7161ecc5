"""What a cancelled or timed-out call leaves behind: a message is neither lost nor doubled.

A call is cancelled after every number of turns of the event loop from 0 to `TURNS`, with the message sent before,
between and after. The report says how many cancellations hit a call in flight.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import anyio
import pytest

from seaway.conformance.face import Face
from seaway.conformance.layer.values import SENTINEL, number_of, numbered, numbers
from seaway.conformance.world import World

TURNS = 8
HITS = "cancellations that hit a call in flight"


async def _cancelled(world: World, call: Callable[[], Awaitable[Any]], turns: Sequence[Any]) -> list[Any]:
    """Begin *call*, and cancel it after *turns*.

    A number in *turns* is so many turns of the event loop; a function is awaited. Returns what the call returned: one
    value, or none if the cancellation hit it.
    """
    returned: list[Any] = []
    scope = anyio.CancelScope()

    async def run() -> None:
        with scope:
            returned.append(await call())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        for turn in turns:
            if isinstance(turn, int):
                for _ in range(turn):
                    await anyio.lowlevel.checkpoint()
            else:
                await turn()
        scope.cancel()
    world.note(HITS, 1 - len(returned))
    return [received for received in returned if received != (None, None)]


async def _receive_cancelled_everywhere(world: World, receiver: Face, sender: Face, channel: str, source: str) -> None:
    number = 0
    for before in range(TURNS):
        for after in range(TURNS):
            number += 1
            message = numbered(number)
            turns: list[Any] = [before, lambda message=message: sender.send(channel, message), after]
            got = await _cancelled(world, lambda: receiver.raw.receive([source]), turns)
            if not got:
                got = [await receiver.next(source)]
            assert got == [(channel, message)], f"cancelled {before} turns before and {after} after the send"
    for before in range(TURNS):
        number += 1
        assert await _cancelled(world, lambda: receiver.raw.receive([source]), [before]) == []
        await sender.send(channel, numbered(number))
        assert await receiver.next(source) == (channel, numbered(number)), f"sent after a call cancelled at {before}"
    await sender.send(channel, SENTINEL)
    assert await receiver.up_to(SENTINEL, source) == []


@pytest.mark.req("LAY-075")
@pytest.mark.needs("async")
async def test_a_cancelled_receive_loses_and_doubles_nothing_on_a_normal_channel(world: World) -> None:
    layer = world.layer()
    await _receive_cancelled_everywhere(world, layer, layer, "work", "work")


@pytest.mark.req("LAY-075")
@pytest.mark.needs("async")
async def test_a_cancelled_receive_loses_and_doubles_nothing_on_an_inbox(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    await _receive_cancelled_everywhere(world, layer, layer, f"{inbox}1", inbox)


@pytest.mark.req("LAY-075")
@pytest.mark.needs("async", "peer")
async def test_a_cancelled_receive_loses_nothing_that_another_object_sends(world: World) -> None:
    await _receive_cancelled_everywhere(world, world.layer(), world.layer(), "work", "work")


@pytest.mark.req("LAY-075")
@pytest.mark.needs("async")
async def test_a_receive_cancelled_with_messages_at_hand_loses_none(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    for channel, source in (("work", "work"), (f"{inbox}1", inbox)):
        for turns in range(TURNS):
            for number in range(3):
                await layer.send(channel, numbered(number))
            got = await _cancelled(world, lambda source=source: layer.raw.receive([source]), [turns])  # type: ignore[misc]
            await layer.send(channel, SENTINEL)
            rest = [message for _, message in got] + await layer.up_to(SENTINEL, source)
            assert sorted(map(number_of, rest)) == [0, 1, 2], f"cancelled after {turns} turns"


@pytest.mark.req("LAY-075")
@pytest.mark.needs("async")
async def test_a_receive_that_times_out_loses_nothing(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    for channel, source in (("work", "work"), (f"{inbox}1", inbox)):
        for number in range(20):
            got: list[Any] = []

            async def receive(source: str = source, got: list[Any] = got) -> None:
                received = await layer.receive([source], 0.01)
                got.extend([received] if received[0] is not None else [])

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(receive)
                await anyio.sleep(0.009 + number / 10_000)
                await layer.send(channel, numbered(number))
            got = got or [await layer.next(source)]
            assert got == [(channel, numbered(number))]


@pytest.mark.req("LAY-076")
@pytest.mark.needs("async", "peer")
async def test_what_a_cancelled_receive_had_taken_goes_back_to_the_head(world: World) -> None:
    taker, other, sender = world.layer(), world.layer(), world.layer()

    async def send() -> None:
        for number in range(1, 3):
            await sender.send("work", numbered(number))

    async def order(before: int, after: int, pause: float) -> list[Any]:
        got = await _cancelled(world, lambda: taker.raw.receive(["work"]), [before, send, after])
        await anyio.sleep(pause)
        rest = [await other.message("work") for _ in range(2 - len(got))]
        return [number_of(message) for message in [*(message for _, message in got), *rest]]

    for before in range(TURNS):
        for after in range(TURNS):
            # It may be on its way back when another reader takes the newer one (LAY-079); not if that one waits.
            for pause in (0, 0.05, 0.3, 1.5):
                found = await order(before, after, pause)
                assert sorted(found) == [1, 2], f"{found}, cancelled {before} turns before and {after} after the sends"
                if found == [1, 2]:
                    break
            else:
                raise AssertionError(f"cancelled {before} turns before and {after} after the sends, 1 came last")
    await other.nothing("work")


@pytest.mark.req("LAY-073")
@pytest.mark.needs("async")
async def test_nothing_is_given_twice_when_readers_are_cancelled(world: World) -> None:
    layer = world.layer(capacity=1000)
    got: list[Any] = []

    async def read(turns: int) -> None:
        for _ in range(10):
            with anyio.CancelScope() as scope:

                async def stop(scope: anyio.CancelScope = scope) -> None:
                    for _ in range(turns):
                        await anyio.lowlevel.checkpoint()
                    scope.cancel()

                tasks.start_soon(stop)
                channel, message = await layer.receive(["work"], 0.2)
                if channel is not None:
                    got.append(number_of(message))
            world.note(HITS, int(scope.cancelled_caught))

    async with anyio.create_task_group() as tasks:
        for turns in range(1, 7):
            tasks.start_soon(read, turns)
        for number in range(60):
            await layer.send("work", numbered(number))
            await anyio.lowlevel.checkpoint()
    await layer.send("work", SENTINEL)
    got += numbers(await layer.up_to(SENTINEL, "work"))
    assert sorted({number for number in got if got.count(number) > 1}) == []


@pytest.mark.req("LAY-037")
@pytest.mark.needs("async")
async def test_a_cancelled_send_is_delivered_once_or_never(world: World) -> None:
    layer = world.layer(capacity=1000)
    for number in range(70):
        await _cancelled(world, lambda number=number: layer.raw.send("work", numbered(number)), [number % TURNS])  # type: ignore[misc]
    await layer.send("work", SENTINEL)
    got = numbers(await layer.up_to(SENTINEL, "work"))
    assert len(got) == len(set(got)), f"delivered twice: {sorted({one for one in got if got.count(one) > 1})}"


@pytest.mark.req("GRP-004")
@pytest.mark.needs("async")
async def test_a_cancelled_group_add_leaves_no_membership(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    for turns in range(TURNS):
        for number in range(5):
            member = f"{inbox}{turns}.{number}"
            added = await _cancelled(world, lambda member=member: _added(layer, member), [turns])  # type: ignore[misc]
            await layer.send_group(f"room{turns}", numbered(number))
            await layer.send(member, SENTINEL)
            expected = [numbered(number)] if added else []
            assert await layer.up_to(SENTINEL, inbox) == expected, f"cancelled after {turns} turns"
            await layer.group_discard(f"room{turns}", member)


async def _added(layer: Face, member: str) -> bool:
    turn = member.rpartition("!")[2].partition(".")[0]
    await layer.raw.group_add(f"room{turn}", member)
    return True

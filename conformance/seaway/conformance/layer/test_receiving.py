"""`receive`: what it returns, when it waits, and what it refuses."""

from __future__ import annotations

import time
from math import nan
from typing import Any

import anyio
import pytest

from seaway.conformance.face import Call, Face, Outcome
from seaway.conformance.layer.values import SENTINEL, number_of, numbered
from seaway.conformance.world import World

RESOLUTION = 0.02
"""Clocks differ by so much at most, in seconds."""


@pytest.mark.req("LAY-039")
async def test_receive_returns_a_pair(world: World) -> None:
    layer = world.layer()
    await layer.send("work", numbered(1))
    received = await layer.receive(["work"], world.limits.deadline)
    assert type(received) is tuple
    assert received == ("work", numbered(1))
    assert type(received[0]) is str


@pytest.mark.req("LAY-040")
async def test_receive_returns_nothing_when_time_has_passed(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    for channels in (["work"], [inbox], ["work", inbox, "other"]):
        for timeout in (0.05, 1 / 8):
            begun = time.monotonic()
            assert await layer.receive(channels, timeout) == (None, None)
            passed = time.monotonic() - begun
            assert passed >= timeout - RESOLUTION, f"timeout {timeout}: returned after {passed:.3f} s"


@pytest.mark.req("LAY-041")
async def test_receive_without_timeout_waits_for_a_message(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    for channel, source in (("work", "work"), (f"{inbox}1", inbox)):
        for timeout in ((), (None,)):
            outcome = await world.waiting(
                layer.receive([source], *timeout),
                lambda channel=channel: layer.send(channel, numbered(1)),  # type: ignore[misc]
            )
            assert outcome == Outcome((channel, numbered(1)))


@pytest.mark.req("LAY-042")
async def test_timeout_0_takes_what_is_at_hand_and_else_nothing(world: World) -> None:
    layer = world.layer()
    assert await layer.receive(["work"], 0) == (None, None)
    assert await layer.receive(["work"], 0.0) == (None, None)
    await layer.send("work", numbered(1))
    assert await layer.receive(["other", "work"], 0) == ("work", numbered(1))
    assert await layer.receive(["work"], 0) == (None, None)


@pytest.mark.req("LAY-043")
async def test_timeout_0_finds_what_was_sent_before(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    for number in range(30):
        await layer.send("work", numbered(number))
        assert await layer.receive(["work"], 0) == ("work", numbered(number))
        await layer.send(f"{inbox}1", numbered(number))
        assert await layer.receive([inbox], 0) == (f"{inbox}1", numbered(number))


@pytest.mark.req("LAY-043")
@pytest.mark.needs("peer")
async def test_timeout_0_finds_what_another_object_has_sent_before(world: World) -> None:
    sender, receiver = world.layer(), world.layer()
    inbox = await receiver.new_channel()
    for number in range(30):
        await sender.send("work", numbered(number))
        assert await receiver.receive(["work"], 0) == ("work", numbered(number))
        await sender.send(f"{inbox}1", numbered(number))
        assert await receiver.receive([inbox], 0) == (f"{inbox}1", numbered(number))


@pytest.mark.req("LAY-044")
async def test_channels_is_a_list_or_a_tuple(world: World) -> None:
    layer = world.layer()
    for channels in (["other", "work"], ("other", "work")):
        await layer.send("work", numbered(1))
        assert await layer.receive(channels, world.limits.deadline) == ("work", numbered(1))


@pytest.mark.req("LAY-044")
async def test_channels_are_checked_before_anything_is_taken(world: World) -> None:
    layer = world.layer()
    await layer.send("work", numbered(1))
    inbox = await layer.new_channel()
    for bad in ("a b", "server.k3x9q0w7k3x9q0w7!", f"{inbox}1"):
        await layer.receive(["work", bad], 0).raises(ValueError)
    assert await layer.next("work") == ("work", numbered(1))


@pytest.mark.req("LAY-044")
async def test_other_collections_are_refused(world: World) -> None:
    layer = world.layer()
    await layer.send("work", numbered(1))
    others: tuple[Any, ...] = ({"work"}, {"work": 1}, iter(["work"]), frozenset({"work"}), None, b"work")
    for channels in others:
        await layer.receive(channels, 0).raises(ValueError)
    assert await layer.next("work") == ("work", numbered(1))


@pytest.mark.req("LAY-045")
async def test_no_channels_and_a_str_are_refused(world: World) -> None:
    layer = world.layer()
    nothing: tuple[Any, ...] = ([], (), "work", "")
    for channels in nothing:
        await layer.receive(channels, 0).raises(ValueError)


@pytest.mark.req("LAY-046")
async def test_an_inbox_that_never_was_is_refused(world: World) -> None:
    await world.layer().receive(["server.k3x9q0w7k3x9q0w7!"], 0).raises(ValueError)


@pytest.mark.req("LAY-046")
@pytest.mark.needs("peer")
async def test_the_inbox_of_another_object_is_refused(world: World) -> None:
    owner, other = world.layer(), world.layer()
    inbox = await owner.new_channel()
    await owner.send(f"{inbox}1", numbered(1))
    await other.receive([inbox], 0).raises(ValueError)
    assert await owner.next(inbox) == (f"{inbox}1", numbered(1))


@pytest.mark.req("LAY-047")
async def test_a_local_name_is_refused(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    await layer.receive([f"{inbox}1"], 0).raises(ValueError)
    await layer.receive([inbox, f"{inbox}1"], 0).raises(ValueError)


@pytest.mark.req("LAY-048")
async def test_a_timeout_that_makes_no_sense_is_refused(world: World) -> None:
    layer = world.layer()
    await layer.send("work", numbered(1))
    timeouts: tuple[Any, ...] = (-1, -0.001, nan, True, False, "1", [1], object())
    for timeout in timeouts:
        await layer.receive(["work"], timeout).raises(ValueError)
    assert await layer.next("work") == ("work", numbered(1))


@pytest.mark.req("LAY-049")
async def test_a_channel_named_twice_is_named_once(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    await layer.send("work", numbered(1))
    await layer.send(f"{inbox}1", numbered(2))
    channels = ["work", inbox, "work", inbox]
    found = [await layer.next(channels), await layer.next(channels)]
    assert sorted(found) == sorted([("work", numbered(1)), (f"{inbox}1", numbered(2))])
    assert await layer.receive(channels, 0) == (None, None)
    outcome = await world.waiting(layer.receive(channels), lambda: layer.send(f"{inbox}1", numbered(3)))
    assert outcome == Outcome((f"{inbox}1", numbered(3)))


@pytest.mark.req("LAY-050")
async def test_an_inbox_yields_what_is_sent_under_it_with_full_names(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    names = [f"{inbox}1", inbox, f"{inbox}A.b-c_9", f"{inbox}1", f"{inbox}2"]
    for number, name in enumerate(names):
        await layer.send(name, numbered(number))
    assert [await layer.next(inbox) for _ in names] == [(name, numbered(n)) for n, name in enumerate(names)]


@pytest.mark.req("LAY-051")
async def test_a_group_message_comes_once_for_each_member_with_its_name(world: World) -> None:
    layer = world.layer()
    first, second = await layer.new_channel("a!"), await layer.new_channel("b!")
    members = [f"{first}1", f"{first}2", f"{second}1"]
    for member in members:
        await layer.group_add("room", member)
    await layer.send_group("room", numbered(1))
    got = [await layer.next(first), await layer.next(first), await layer.next(second)]
    assert sorted(channel for channel, _ in got) == sorted(members)
    assert all(message == numbered(1) for _, message in got)
    for inbox in (first, second):
        await layer.send(f"{inbox}1", SENTINEL)
        assert await layer.up_to(SENTINEL, inbox) == []


@pytest.mark.req("LAY-052")
async def test_a_second_receive_on_an_inbox_raises_and_the_first_goes_on(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    deadline = time.monotonic() + world.limits.deadline

    async def second() -> None:
        for channels in ([inbox], ["work", inbox]):
            while True:
                outcome = await layer.receive(channels, 0).outcome()
                if outcome.error is not None:
                    break
                assert outcome.value == (None, None)
                assert time.monotonic() < deadline, f"a second receive on {inbox} was let through"
                await anyio.lowlevel.checkpoint()
            assert isinstance(outcome.error, RuntimeError), outcome.error
        await layer.receive([inbox]).raises(RuntimeError)
        await layer.send(f"{inbox}1", numbered(1))

    first = await world.waiting(layer.receive([inbox]), second)
    assert first == Outcome((f"{inbox}1", numbered(1)))
    assert await layer.receive([inbox], 0) == (None, None)


@pytest.mark.req("LAY-053")
async def test_many_receives_wait_for_one_normal_channel(world: World) -> None:
    layer = world.layer()
    receives = [layer.receive(["work"], 3 * world.limits.deadline) for _ in range(6)]
    ended: list[Outcome] = []

    async def run() -> None:
        ended.extend(await world.together(receives))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        await world.let_run()
        for number in range(6):
            await layer.send("work", numbered(number))
    got = [outcome.value[1] for outcome in ended if outcome.error is None and outcome.value[0] is not None]
    assert len(got) == 6, f"of 6 waiting calls {len(got)} got a message: {ended}"
    assert sorted(map(number_of, got)) == list(range(6))


@pytest.mark.req("LAY-053")
async def test_many_receives_are_served_one_after_the_other(world: World) -> None:
    layer = world.layer()
    receives = [layer.receive(["work"], 3 * world.limits.deadline) for _ in range(3)]
    ended: list[Outcome] = []

    async def run(receive: Call) -> None:
        ended.append(await receive.outcome())

    async with anyio.create_task_group() as tasks:
        for receive in receives:
            tasks.start_soon(run, receive)
        await world.let_run()
        for number in range(3):
            await layer.send("work", numbered(number))
            with anyio.move_on_after(world.limits.deadline):
                while len(ended) <= number:
                    await anyio.sleep(0.005)
    assert [outcome.value for outcome in ended] == [("work", numbered(number)) for number in range(3)]


@pytest.mark.req("LAY-054")
@pytest.mark.needs("peer")
async def test_a_message_goes_to_one_of_several_objects(world: World) -> None:
    sender, readers = world.layer(capacity=1000), [world.layer() for _ in range(3)]
    got: list[Any] = []

    all_sent = anyio.Event()

    async def read(reader: Face) -> None:
        while (received := await reader.receive(["work"], world.limits.silence))[
            0
        ] is not None or not all_sent.is_set():
            if received[0] is not None:
                got.append(number_of(received[1]))

    async with anyio.create_task_group() as tasks:
        for reader in readers:
            tasks.start_soon(read, reader)
        for number in range(120):
            await sender.send("work", numbered(number))
        all_sent.set()
    twice = sorted({number for number in got if got.count(number) > 1})
    assert twice == [], f"given twice: {twice}"


@pytest.mark.req("LAY-055")
async def test_a_busy_channel_starves_no_quiet_one(world: World) -> None:
    layer = world.layer(capacity=1000)
    inbox = await layer.new_channel()
    for channels in (["busy", "quiet"], ["quiet", "busy"], ["busy", inbox], [inbox, "quiet"], ["busy", inbox, "quiet"]):
        flood = [channel for channel in channels if channel != "quiet"] or ["busy"]
        quiet = channels[0] if channels[0] == "quiet" else channels[-1]
        loud = [channel for channel in flood if channel != quiet]
        for number in range(40):
            for channel in loud:
                await layer.send(channel, numbered(number))
        for round_ in range(4):
            await layer.send(quiet, numbered(100 + round_))
            others = 0
            while (await layer.next(channels))[1] != numbered(100 + round_):
                others += 1
            assert others <= 2 * len(channels), f"{others} messages of others before that of {quiet} ({channels})"
        while (await layer.receive(channels, 0))[0] is not None:
            pass


@pytest.mark.req("LAY-055")
async def test_other_calls_between_starve_no_quiet_channel(world: World) -> None:
    layer = world.layer(capacity=1000)
    for number in range(100):
        await layer.send("busy", numbered(number))
    await layer.send("quiet", numbered(-1))
    others = 0
    while (await layer.next(["busy", "quiet"]))[0] != "quiet":
        others += 1
        assert others <= 4, "more than 4 messages of others before that of quiet"
        # As if the quiet one had just had its turn, if turns were counted by name alone.
        await layer.receive(["quiet-other", "busy"], 0)

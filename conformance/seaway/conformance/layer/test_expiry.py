"""Messages that nobody takes in time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest

from seaway.conformance.face import Face
from seaway.conformance.layer.values import SENTINEL, number_of, numbered
from seaway.conformance.world import World

EXPIRY = 0.3
AFTER = EXPIRY + 1.1
"""Later than the expiry and the margin of LAY-088."""


@pytest.mark.req("LAY-088")
@pytest.mark.waits
async def test_nothing_is_delivered_after_its_expiry(world: World) -> None:
    layer = world.layer(expiry=EXPIRY)
    inbox = await layer.new_channel()
    await layer.send("work", numbered(1))
    await layer.send(f"{inbox}1", numbered(1))
    await world.pass_time(AFTER)
    assert await layer.at_hand("work") == []
    assert numbered(1) not in [message for _, message in await layer.at_hand(inbox)]


@pytest.mark.req("LAY-088")
@pytest.mark.waits
async def test_what_expires_behind_a_longer_lived_message_is_not_delivered(world: World) -> None:
    layer = world.layer(expiry=60, channel_expiry={"short": EXPIRY})
    await layer.send("short", numbered(1))
    await layer.send("short", numbered(2))
    await layer.send("long", numbered(3))
    await world.pass_time(AFTER)
    assert await layer.next(["short", "long"]) == ("long", numbered(3))
    assert await layer.receive(["short"], 0) == (None, None)


async def _older_and_newer(world: World, layer: Face, channel: str, source: str) -> None:
    """The older of two messages has expired, and the newer may still be there."""
    await layer.send(channel, numbered(1))
    await world.pass_time(1.8)
    await layer.send(channel, numbered(2))
    await world.pass_time(1.5)
    got = [message for _, message in await layer.at_hand(source)]
    assert numbered(1) not in got, "delivered more than 1 second after its expiry of 2, before a newer one"


@pytest.mark.req("LAY-088")
@pytest.mark.waits
async def test_a_newer_message_keeps_no_older_one_on_a_normal_channel(world: World) -> None:
    await _older_and_newer(world, world.layer(expiry=2), "work", "work")


@pytest.mark.req("LAY-088")
@pytest.mark.waits
async def test_a_newer_message_keeps_no_older_one_in_an_inbox(world: World) -> None:
    layer = world.layer(expiry=2)
    inbox = await layer.new_channel()
    await _older_and_newer(world, layer, f"{inbox}1", inbox)


@pytest.mark.req("LAY-089")
async def test_nothing_expires_before_its_time(world: World) -> None:
    for expiry in (1, 10, 100):
        layer = world.layer(expiry=expiry)
        inbox = await layer.new_channel()
        begun = time.monotonic()
        await layer.send(f"work{expiry}", numbered(1))
        await layer.send(f"{inbox}1", numbered(1))
        await world.let_run()
        got = [await layer.receive([f"work{expiry}"], 0), await layer.receive([inbox], 0)]
        if time.monotonic() - begun < expiry:  # else this machine is too slow to tell
            assert got == [(f"work{expiry}", numbered(1)), (f"{inbox}1", numbered(1))], f"expiry {expiry}"


@pytest.mark.req("LAY-089")
@pytest.mark.waits
async def test_a_long_expiry_outlives_a_short_one_of_another_message(world: World) -> None:
    layer = world.layer(expiry=3600, channel_expiry={"short": EXPIRY})
    inbox = await layer.new_channel()
    await layer.send("work", numbered(1))
    await layer.send("short", numbered(2))
    await layer.send(f"{inbox}1", numbered(3))
    await world.pass_time(AFTER)
    await layer.at_hand("short")
    assert await layer.next("work") == ("work", numbered(1))
    assert await layer.next(inbox) == (f"{inbox}1", numbered(3))


@pytest.mark.req("LAY-090")
@pytest.mark.waits
async def test_channel_expiry_is_for_the_channels_that_it_matches(world: World) -> None:
    layer = world.layer(expiry=60, channel_expiry={"log.*": EXPIRY, "log.keep": 60, "keep*": 90})
    inbox = await layer.new_channel("log!")
    for channel in ("log.a", "log.keep", "keep", "work", f"{inbox}1"):
        await layer.send(channel, numbered(1))
    await world.pass_time(AFTER)
    for channel in ("log.a", "log.keep"):
        assert await layer.receive([channel], 0) == (None, None), channel
    for channel in ("keep", "work"):
        assert await layer.next(channel) == (channel, numbered(1))
    assert (await layer.message(inbox))["type"] == "layer.gap"


@pytest.mark.req("LAY-090")
@pytest.mark.needs("peer")
@pytest.mark.waits
async def test_the_senders_expiry_counts(world: World) -> None:
    short, long = world.layer(expiry=EXPIRY), world.layer(expiry=60)
    await short.send("work", numbered(1))
    await long.send("work", numbered(2))
    await short.send("other", numbered(3))
    await world.pass_time(AFTER)
    await long.send("other", SENTINEL)
    assert await short.next("work") == ("work", numbered(2))
    assert await long.up_to(SENTINEL, "other") == []


@pytest.mark.req("LAY-091")
@pytest.mark.waits
async def test_channel_expiry_is_not_for_group_messages(world: World) -> None:
    layer = world.layer(expiry=60, channel_expiry={"*": EXPIRY})
    inbox = await layer.new_channel()
    await layer.group_add("room", f"{inbox}1")
    await layer.send_group("room", numbered(1))
    await world.pass_time(AFTER)
    assert await layer.next(inbox) == (f"{inbox}1", numbered(1))


@pytest.mark.req("LAY-091")
@pytest.mark.waits
async def test_a_group_message_expires_by_the_senders_expiry(world: World) -> None:
    layer = world.layer(expiry=EXPIRY, channel_expiry={"*": 60})
    inbox = await layer.new_channel()
    await layer.group_add("room", f"{inbox}1")
    await layer.send_group("room", numbered(1))
    await world.pass_time(AFTER)
    assert (await layer.message(inbox))["type"] == "layer.gap"


@contextmanager
def _skewed(seconds: float) -> Iterator[None]:
    """Let this machine's clock be wrong by *seconds*."""
    now, now_ns = time.time, time.time_ns
    wrong: dict[str, Any] = {
        "time": lambda: now() + seconds,
        "time_ns": lambda: now_ns() + int(seconds * 1_000_000_000),
    }
    with mock.patch.multiple(time, **wrong):
        yield


async def _sent_by_clocks(layer: Face, clocks: tuple[float, ...]) -> None:
    for number, seconds in enumerate(clocks):
        with _skewed(seconds):
            await layer.send("work", numbered(number))


@pytest.mark.req("LAY-092")
@pytest.mark.needs("broker clock")
async def test_a_senders_clock_decides_no_expiry(world: World) -> None:
    layer = world.layer(expiry=60)
    await _sent_by_clocks(layer, (-3600, 0, 3600))
    assert sorted(number_of(message) for _, message in await layer.at_hand("work")) == [0, 1, 2]


@pytest.mark.req("LAY-093")
@pytest.mark.needs("broker clock")
async def test_a_senders_clock_decides_no_order(world: World) -> None:
    layer = world.layer(expiry=60)
    await _sent_by_clocks(layer, (0, -5, 5, -10, 0))
    got = [await layer.receive(["work"], 0) for _ in range(5)]
    found = [number_of(message) for channel, message in got if channel is not None]
    assert found == sorted(found)

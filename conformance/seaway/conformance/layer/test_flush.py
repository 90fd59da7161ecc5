"""The extension flush."""

from __future__ import annotations

import pytest

from seaway.conformance.layer.values import SENTINEL, numbered
from seaway.conformance.world import World


@pytest.mark.req("LAY-102")
@pytest.mark.needs("flush")
async def test_flush_returns(world: World) -> None:
    layer = world.layer()
    assert await layer.flush() is None
    await layer.send("work", numbered(1))
    assert await layer.next("work") == ("work", numbered(1))


@pytest.mark.req("LAY-103")
@pytest.mark.needs("flush")
async def test_what_waited_is_gone(world: World) -> None:
    layer = world.layer(inbox_capacity=2)
    inbox = await layer.new_channel()
    for channel in ("work", "other", f"{inbox}1", inbox):
        await layer.send(channel, numbered(1))
    await layer.flush()
    for channel, source in (("work", "work"), ("other", "other"), (f"{inbox}1", inbox)):
        await layer.send(channel, SENTINEL)
        assert numbered(1) not in await layer.up_to(SENTINEL, source)


@pytest.mark.req("LAY-103")
@pytest.mark.needs("flush", "peer")
async def test_what_other_objects_sent_is_gone(world: World) -> None:
    flusher, other = world.layer(), world.layer()
    inbox = await other.new_channel()
    await other.send("work", numbered(1))
    await other.send(f"{inbox}1", numbered(1))
    await flusher.flush()
    for channel, source in (("work", "work"), (f"{inbox}1", inbox)):
        await other.send(channel, SENTINEL)
        assert numbered(1) not in await other.up_to(SENTINEL, source)


@pytest.mark.req("LAY-104")
@pytest.mark.needs("flush")
async def test_live_consumers_are_told(world: World) -> None:
    layer = world.layer()
    inbox, untouched = await layer.new_channel(), await layer.new_channel()
    await layer.send(f"{inbox}1", numbered(1))
    await layer.send(f"{inbox}1", numbered(2))
    await layer.flush()
    channel, gap = await layer.next(inbox)
    assert channel in (inbox, f"{inbox}1")
    assert (gap["type"], gap["reason"]) == ("layer.gap", "lost")
    await layer.send(f"{untouched}1", SENTINEL)
    assert await layer.up_to(SENTINEL, untouched) == [], "a gap for an inbox where nothing waited (GAP-009)"


@pytest.mark.req("GAP-007")
@pytest.mark.needs("flush")
async def test_the_gap_comes_before_any_later_message(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    await layer.send(f"{inbox}1", numbered(1))
    assert await layer.message(inbox) == numbered(1)
    await layer.send(f"{inbox}1", numbered(2))
    await layer.flush()
    await layer.send(f"{inbox}1", numbered(3))
    got = [message["type"] for message in await layer.up_to(numbered(3), inbox)]
    assert got, "no layer.gap before the next message"
    assert set(got) == {"layer.gap"}


@pytest.mark.req("LAY-105")
@pytest.mark.needs("flush")
async def test_memberships_stay(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    await layer.group_add("room", f"{inbox}1")
    await layer.flush()
    await layer.send_group("room", numbered(1))
    assert await layer.next(inbox) == (f"{inbox}1", numbered(1))


@pytest.mark.req("LAY-103")
@pytest.mark.needs("flush", "peer")
async def test_flush_keeps_to_its_namespace(world: World) -> None:
    layer, stranger = world.layer(), world.layer(namespace=f"{world.namespace}-2")
    await stranger.send("work", numbered(1))
    await layer.flush()
    assert await stranger.next("work") == ("work", numbered(1))

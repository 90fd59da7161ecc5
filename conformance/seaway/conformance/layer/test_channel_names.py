"""Names of channels and groups."""

from __future__ import annotations

import pytest

from seaway.conformance.layer.values import BAD_CHANNELS, BAD_GROUPS, SENTINEL, numbered
from seaway.conformance.world import World


@pytest.mark.req("LAY-001")
async def test_a_bad_channel_name_is_refused_by_send(world: World) -> None:
    layer = world.layer()
    for name in BAD_CHANNELS:
        await layer.send(name, numbered(1)).raises(ValueError)


@pytest.mark.req("LAY-001")
async def test_a_bad_channel_name_is_refused_by_receive(world: World) -> None:
    layer = world.layer()
    for name in BAD_CHANNELS:
        await layer.receive([name], 0).raises(ValueError)


@pytest.mark.req("LAY-001")
async def test_a_bad_channel_name_is_refused_by_close_channel(world: World) -> None:
    layer = world.layer()
    for name in BAD_CHANNELS:
        await layer.close_channel(name).raises(ValueError)


@pytest.mark.req("LAY-001")
async def test_a_bad_channel_name_is_refused_by_group_add_and_group_discard(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    for name in (*BAD_CHANNELS, f"{inbox}a b", f"{inbox}a!b", f"{inbox}a\n", f"{inbox}é"):
        await layer.group_add("room", name).raises(ValueError)
        await layer.group_discard("room", name).raises(ValueError)


@pytest.mark.req("LAY-001")
async def test_every_good_channel_name_is_accepted(world: World) -> None:
    layer = world.layer()
    for name in ("a", "Z", "7", "-", "_", ".", "a-b_c.9", "0" * 50, "..", "layer.gap"):
        await layer.send(name, numbered(1))
        assert await layer.next(name) == (name, numbered(1))


@pytest.mark.req("LAY-002")
async def test_a_bad_group_name_is_refused(world: World) -> None:
    layer = world.layer()
    channel = await layer.new_channel() + "1"
    for name in BAD_GROUPS:
        await layer.send_group(name, numbered(1)).raises(ValueError)
        await layer.group_add(name, channel).raises(ValueError)
        await layer.group_discard(name, channel).raises(ValueError)


@pytest.mark.req("LAY-003")
async def test_a_name_of_201_characters_is_refused(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    await layer.send("x" * 201, numbered(1)).raises(ValueError)
    await layer.send(inbox + "x" * (201 - len(inbox)), numbered(1)).raises(ValueError)
    await layer.receive(["x" * 201], 0).raises(ValueError)
    await layer.send_group("x" * 201, numbered(1)).raises(ValueError)
    await layer.group_add("x" * 201, f"{inbox}1").raises(ValueError)


@pytest.mark.req("LAY-003")
async def test_a_name_of_200_characters_is_accepted(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    normal, local, group = "x" * 200, inbox + "x" * (200 - len(inbox)), "g" * 200
    await layer.send(normal, numbered(1))
    assert await layer.next(normal) == (normal, numbered(1))
    await layer.group_add(group, local)
    await layer.send_group(group, numbered(2))
    assert await layer.next(inbox) == (local, numbered(2))


@pytest.mark.req("LAY-004")
async def test_the_inbox_is_what_stands_up_to_the_exclamation_mark(world: World) -> None:
    layer = world.layer()
    first, second = await layer.new_channel("same!"), await layer.new_channel("same!")
    await layer.send(f"{first}a.b-c", numbered(1))
    await layer.send(f"{second}a.b-c", numbered(2))
    assert await layer.next(second) == (f"{second}a.b-c", numbered(2))
    assert await layer.next(first) == (f"{first}a.b-c", numbered(1))


@pytest.mark.req("LAY-005")
async def test_a_channel_and_a_group_of_one_name_are_two_things(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    await layer.group_add("same", f"{inbox}1")
    await layer.send("same", numbered(1))
    await layer.send(f"{inbox}1", SENTINEL)
    assert await layer.up_to(SENTINEL, inbox) == []
    assert await layer.next("same") == ("same", numbered(1))
    await layer.send_group("same", numbered(2))
    await layer.send("same", SENTINEL)
    assert await layer.up_to(SENTINEL, "same") == []
    assert await layer.next(inbox) == (f"{inbox}1", numbered(2))

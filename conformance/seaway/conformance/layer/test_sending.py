"""`send`: what it takes, what it refuses, and that it waits for nobody."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest

from seaway.conformance.face import Face
from seaway.conformance.layer.values import SENTINEL, numbered, numbers
from seaway.conformance.world import World
from seaway.spec import to_json

LIMIT = 4000
"""A ``max_message_size``; tests keep clear of it by more than the factor of two that LAY-034 allows."""


def _sized(payload: Any) -> dict[str, Any]:
    return {"type": "test.message", "payload": payload}


def _small() -> list[dict[str, Any]]:
    """Return messages whose JSON form is at most half of `LIMIT`."""
    found = [_sized("x" * 1900), _sized(b"\xff" * 1400), _sized([7] * 600), _sized({f"k{n}": n for n in range(150)})]
    assert all(len(json.dumps(to_json(message))) <= LIMIT // 2 for message in found)
    return found


def _large() -> list[dict[str, Any]]:
    """Return messages whose text and bytes are more than twice `LIMIT`."""
    return [_sized("x" * 8100), _sized(b"\xff" * 8100), _sized("é" * 4100), _sized([b"\x00" * 900] * 10)]


@pytest.mark.req("LAY-028")
async def test_send_returns_none_for_every_kind_of_channel(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    for channel in ("work", inbox, f"{inbox}1"):
        assert await layer.send(channel, numbered(1)) is None
    for channel, source in (("work", "work"), (inbox, inbox), (f"{inbox}1", inbox)):
        assert await layer.next(source) == (channel, numbered(1))


@pytest.mark.req("LAY-029")
async def test_send_waits_for_no_receiver(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    for number in range(20):
        await layer.send("work", numbered(number))
        await layer.send(f"{inbox}1", numbered(number))


@pytest.mark.req("LAY-030")
@pytest.mark.needs("async")
async def test_a_message_is_read_before_send_first_suspends(world: World) -> None:
    layer = world.layer(capacity=1000)
    inbox = await layer.new_channel()
    await layer.group_add("room", f"{inbox}1")
    for number in range(70):
        await _changed_under_way(layer, "send", "work", number)
        await _changed_under_way(layer, "send_group", "room", number)
        assert await layer.message("work") == numbered(number, items=[1]), "send"
        assert await layer.message(inbox) == numbered(number, items=[1]), "send_group"


async def _changed_under_way(layer: Face, method: str, name: str, number: int) -> None:
    message = numbered(number, items=[1])
    begun = False

    async def run() -> None:
        nonlocal begun
        begun = True
        await layer.call(method, name, message)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        while not begun:
            await anyio.lowlevel.checkpoint()
        message["number"] = -1
        message["items"].append(2)


@pytest.mark.req("LAY-031")
async def test_a_full_channel_raises_and_the_message_is_not_delivered(world: World) -> None:
    layer = world.layer(capacity=2)
    for number in (1, 2):
        await layer.send("work", numbered(number))
    await layer.send("work", numbered(3)).raises(layer.raw.ChannelFull)
    assert numbers([await layer.message("work"), await layer.message("work")]) == [1, 2]
    await layer.send("work", SENTINEL)
    assert await layer.up_to(SENTINEL, "work") == []


@pytest.mark.req("LAY-032")
async def test_what_is_sent_to_an_inbox_that_never_was_goes_nowhere(world: World) -> None:
    layer = world.layer(inbox_capacity=2)
    for _ in range(5):
        assert await layer.send("server.k3x9q0w7k3x9q0w7!", numbered(1)) is None
        assert await layer.send("server.k3x9q0w7k3x9q0w7!17", numbered(1)) is None


@pytest.mark.req("LAY-032")
async def test_what_is_sent_to_an_inbox_that_was_closed_goes_nowhere(world: World) -> None:
    layer = world.layer(inbox_capacity=2)
    inbox = await layer.new_channel()
    await layer.close_channel(inbox)
    for _ in range(5):
        assert await layer.send(f"{inbox}17", numbered(1)) is None


@pytest.mark.req("LAY-033")
async def test_a_message_that_is_too_large_is_refused_and_not_delivered(world: World) -> None:
    layer = world.layer(max_message_size=LIMIT)
    inbox = await layer.new_channel()
    await layer.group_add("room", f"{inbox}1")
    for message in _large():
        await layer.send("work", message).raises(layer.raw.MessageTooLarge)
        await layer.send(f"{inbox}1", message).raises(layer.raw.MessageTooLarge)
        await layer.send_group("room", message).raises(layer.raw.MessageTooLarge)
    await layer.send("work", SENTINEL)
    await layer.send(f"{inbox}1", SENTINEL)
    assert await layer.up_to(SENTINEL, "work") == []
    assert await layer.up_to(SENTINEL, inbox) == []


@pytest.mark.req("LAY-033")
async def test_a_message_that_is_not_too_large_is_accepted_by_send_and_send_group(world: World) -> None:
    layer = world.layer(max_message_size=LIMIT)
    inbox = await layer.new_channel()
    await layer.group_add("room", f"{inbox}1")
    await layer.send("work", _sized("x" * 1900))
    await layer.send_group("room", _sized("x" * 1900))
    assert await layer.message("work") == _sized("x" * 1900)
    assert await layer.message(inbox) == _sized("x" * 1900)


@pytest.mark.req("LAY-034")
async def test_the_encoding_takes_at_most_twice_the_json_form(world: World) -> None:
    layer = world.layer(max_message_size=LIMIT)
    for message in _small():
        await layer.send("work", message)
        assert await layer.message("work") == message


@pytest.mark.req("LAY-034")
async def test_half_a_mebibyte_is_accepted_by_default(world: World) -> None:
    if "max_message_size" in world.harness.options:
        return
    layer = world.layer()
    await layer.send("work", _sized("x" * 500_000))
    assert await layer.message("work") == _sized("x" * 500_000)
    await layer.send("work", _sized("x" * 2_200_000)).raises(layer.raw.MessageTooLarge)


@pytest.mark.req("LAY-035")
async def test_what_cannot_be_decoded_is_refused_and_the_channel_goes_on(world: World) -> None:
    # What is accepted wrongly is judged by the requirements for messages; here it must not stand in the way.
    layer = world.layer()
    deep: list[Any] = []
    for _ in range(2000):
        deep = [deep]
    poison: tuple[Any, ...] = ({1: "a"}, {b"a": 1}, {("a",): 1}, 1 << 64, object(), {1, 2}, "\ud800", deep, Ellipsis)
    for value in poison:
        await layer.send("work", _sized(value)).outcome()
        await layer.send_group("room", _sized(value)).outcome()
        await layer.send("work", SENTINEL)
        await layer.up_to(SENTINEL, "work")


@pytest.mark.req("SEC-012")
async def test_an_error_quotes_little_of_a_message(world: World) -> None:
    layer = world.layer()
    for value in ("secret" * 200 + "\ud800", {"secret" * 200: object()}, [b"secret" * 200, float("nan")]):
        error = await layer.send("work", _sized(value)).raises(ValueError)
        assert len(str(error)) < 500, f"{len(str(error))} characters"
        assert str(error).count("secret") <= 200 // 6 + 1

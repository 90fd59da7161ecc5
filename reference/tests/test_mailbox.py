"""The mailbox: bounds, gaps, alternation, and what may overtake what."""

from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from seaway.conformance.client.websocket import PING, frame, text, websocket
from seaway.reference import Settings

from .scripted import Consumer, Gate, Message, answer, serving, until

pytestmark = pytest.mark.anyio


def note(number: int, **keys: Any) -> Message:
    return {"type": "test.note", "number": number, **keys}


def bounds(**changes: int) -> Any:
    return attrs.evolve(Settings().mailbox, **changes)


class Blocked:
    """A WebSocket whose consumer waits in its first layer message until the gate is opened."""

    def __init__(self) -> None:
        self.gate = Gate()

    def __call__(self, consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "test.block":
            yield consumer.wait, self.gate
        if message["type"] != "websocket.receive":
            yield from answer(consumer, message)


BLOCK: Message = {"type": "test.block"}


async def test_an_overflow_is_counted_in_one_gap_in_its_position(is_async: bool) -> None:
    """CON-037, CON-041, CON-042, CON-043: 4 fit; after the gap nothing is taken until half of it is free."""
    blocked = Blocked()
    async with (
        serving(blocked, is_async=is_async, mailbox=bounds(layer_messages=4)) as site,
        websocket(site.address),
    ):
        held = site.only
        channel = held.channel
        await site.layer.send(channel, BLOCK)
        await until(lambda: blocked.gate.waiting)
        for number in range(10):
            await site.layer.send(channel, note(number))
        await until_received(site, channel)
        blocked.gate.open()
        await until(lambda: "layer.gap" in held.types)
        await site.layer.send(channel, note(100))
        await until(lambda: note(100) in held.messages)

    assert held.messages[2:8] == [
        *(note(number) for number in range(4)),
        {"type": "layer.gap", "reason": "overflow", "dropped": 6},
        note(100),
    ]


async def test_nothing_is_taken_until_the_mailbox_is_half_empty(is_async: bool) -> None:
    """CON-041, CON-042: 4 fit; with 3 left a message is dropped into the same gap, with 1 left it is taken."""
    gates = [Gate() for _ in range(3)]

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "test.block":
            yield consumer.wait, gates[message["gate"]]
        yield from answer(consumer, message)

    async with (
        serving(handler, is_async=is_async, mailbox=bounds(layer_messages=4)) as site,
        websocket(site.address),
    ):
        held = site.only

        async def send(*messages: Message) -> None:
            for message in messages:
                await site.layer.send(held.channel, message)
            await until_received(site, held.channel)

        await send({**BLOCK, "gate": 0})
        await until(lambda: gates[0].waiting)
        await send({**BLOCK, "gate": 1}, note(1), {**BLOCK, "gate": 2}, note(3), note(4))
        gates[0].open()
        await until(lambda: gates[1].waiting)
        await send(note(5))
        gates[1].open()
        await until(lambda: gates[2].waiting)
        await send(note(6))
        gates[2].open()
        await until(lambda: note(6) in held.messages)

    assert held.messages[3:8] == [
        note(1),
        {**BLOCK, "gate": 2},
        note(3),
        {"type": "layer.gap", "reason": "overflow", "dropped": 2},
        note(6),
    ]


async def until_received(site: Any, channel: str) -> None:
    """Wait until the server has filed what was sent to `channel`: another consumer gets what was sent later."""
    async with websocket(site.address):
        witness = site.consumers[-1]
        await site.layer.send(witness.channel, note(-1))
        await until(lambda: note(-1) in witness.messages, "the witness")


async def test_the_layer_side_is_bounded_in_bytes_with_room_for_one_large_message(is_async: bool) -> None:
    """CON-037, CON-038."""
    blocked = Blocked()
    large, small = note(0, pad="x" * 5000), note(1, pad="x" * 600)
    async with (
        serving(blocked, is_async=is_async, mailbox=bounds(layer_bytes=1000)) as site,
        websocket(site.address),
    ):
        held = site.only
        channel = held.channel
        await site.layer.send(channel, BLOCK)
        await until(lambda: blocked.gate.waiting)
        for message in (large, small, small):
            await site.layer.send(channel, message)
        await until_received(site, channel)
        blocked.gate.open()
        await until(lambda: "layer.gap" in held.types)

    assert held.messages[2:4] == [large, {"type": "layer.gap", "reason": "overflow", "dropped": 2}]


async def test_one_full_mailbox_costs_nobody_else_a_message(is_async: bool) -> None:
    """CON-044."""
    blocked = Blocked()
    count = 50
    async with (
        serving(blocked, is_async=is_async, mailbox=bounds(layer_messages=10)) as site,
        websocket(site.address),
        websocket(site.address),
    ):
        slow, quick = site.consumers
        await site.layer.send(slow.channel, BLOCK)
        await until(lambda: blocked.gate.waiting)
        for number in range(count):
            await site.layer.send(slow.channel, note(number))
            await site.layer.send(quick.channel, note(number))
            await until(lambda number=number: note(number) in quick.messages)
        blocked.gate.open()
        await until(lambda: "layer.gap" in slow.types)

    assert [message for message in quick.messages if message["type"] == "test.note"] == [
        note(number) for number in range(count)
    ]
    assert slow.messages[12]["dropped"] == count - 10


async def test_the_two_sources_alternate(is_async: bool) -> None:
    """CON-031, CON-033: each in its own order."""
    blocked = Blocked()
    async with serving(blocked, is_async=is_async) as site, websocket(site.address) as ws:
        held = site.only
        channel = held.channel
        await site.layer.send(channel, BLOCK)
        await until(lambda: blocked.gate.waiting)
        for number in range(6):
            await site.layer.send(channel, note(number))
            await ws.send(text(str(number)))
        await until_received(site, channel)
        await ws.send(frame(PING))  # a ping: once it is answered, the texts before it are filed
        assert (await ws.frame()).payload == b""
        blocked.gate.open()
        await until(lambda: len(held.messages) == 14)

    both = [message["type"] for message in held.messages[2:14]]
    assert sorted(both[:2]) == ["test.note", "websocket.receive"]
    assert both == both[:2] * 6
    assert [each["number"] for each in held.messages[2:14] if "number" in each] == list(range(6))
    assert [each["text"] for each in held.messages[2:14] if "text" in each] == list("012345")


async def test_the_end_overtakes_the_layer_and_never_the_socket(is_async: bool) -> None:
    """CON-048 to CON-050."""
    blocked = Blocked()
    async with serving(blocked, is_async=is_async) as site:
        async with websocket(site.address) as ws:
            first = site.only
            await site.layer.send(first.channel, BLOCK)
            await until(lambda: blocked.gate.waiting)
            await ws.send(text("one") + text("two"))
            for number in range(5):
                await site.layer.send(first.channel, note(number))
            await until_received(site, first.channel)
            await ws.close(4000)
        blocked.gate.open()
        await until(lambda: first.over)

    assert [each.get("text") for each in first.messages if each["type"] == "websocket.receive"] == ["one", "two"]
    assert first.messages[-1]["code"] == 4000
    assert "test.note" not in first.types


async def test_a_full_socket_side_stops_the_reading(is_async: bool) -> None:
    """CON-040: what does not fit waits at the client, and all of it arrives in the end."""
    blocked = Blocked()
    count, payload = 200, "x" * 40_000
    async with (
        serving(blocked, is_async=is_async) as site,
        websocket(site.address, send_buffer=65536) as ws,
    ):
        held = site.only
        await site.layer.send(held.channel, BLOCK)
        await until(lambda: blocked.gate.waiting)
        flood = text(payload) * count
        taken = await ws.client.stuff(flood)
        assert taken < len(flood)
        blocked.gate.open()
        await ws.send(flood[taken:])
        await until(lambda: len(held.messages) == count + 2)

    assert {len(message["text"]) for message in held.messages if "text" in message} == {len(payload)}


async def test_urgent_messages_overtake_the_layer(is_async: bool) -> None:
    """CON-048: `server.wake` comes before what the layer has queued."""
    gate = Gate()

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] in ("test.block", "test.witness"):
            yield consumer.send, {"type": "server.wake", "after": 0.02}
        if message["type"] == "test.block":
            yield consumer.wait, gate
        yield from answer(consumer, message)

    async with (
        serving(handler, is_async=is_async) as site,
        websocket(site.address),
        websocket(site.address),
    ):
        held, witness = site.consumers
        await site.layer.send(held.channel, BLOCK)
        await until(lambda: gate.waiting)
        await site.layer.send(held.channel, note(1))
        await site.layer.send(witness.channel, {"type": "test.witness"})
        await until(lambda: "server.wake" in witness.types, "a wake that was asked for later")
        gate.open()
        await until(lambda: note(1) in held.messages)

    assert held.types[:4] == ["websocket.connect", "test.block", "server.wake", "test.note"]

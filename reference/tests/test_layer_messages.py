"""Consumers and the layer: messages, groups, views, long polling, the mailbox and its gaps, `server.wake`."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import anyio
import attrs
import pytest

from seaway.reference import Server, Settings, adapt_sync

from .frames import PING, frame, text, websocket
from .scripted import Application, Consumer, Gate, Message, answer, serving, until
from .wire import connect, request

pytestmark = pytest.mark.anyio


def note(number: int, **keys: Any) -> Message:
    return {"type": "test.note", "number": number, **keys}


def bounds(**changes: int) -> Any:
    return attrs.evolve(Settings().mailbox, **changes)


def chat(consumer: Consumer, message: Message) -> Iterator[Any]:
    """Joins `room` when its connection begins, sends what the client says to it, and hands on what it brings."""
    if message["type"] == "websocket.connect":
        yield consumer.layer.group_add, "room", consumer.channel
        yield consumer.send, {"type": "websocket.accept"}
    elif message["type"] == "websocket.receive":
        yield consumer.layer.send_group, "room", {"type": "chat.line", "text": message["text"]}
    elif message["type"] == "chat.line":
        yield consumer.send, {"type": "websocket.send", "text": message["text"]}


async def test_a_request_is_answered_by_a_message_of_the_layer(is_async: bool) -> None:
    """HTTP-048: long polling."""

    def poll(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            yield consumer.layer.group_add, "news", consumer.channel
            consumer.state["joined"] = True
        elif message["type"] == "news.item":
            body = message["text"].encode()
            yield consumer.send, {"type": "http.response", "status": 200, "body": body}

    async with serving(poll, is_async=is_async) as site:
        async with connect(site.address) as first, connect(site.address) as second:
            await first.send(request())
            await second.send(request())
            await until(lambda: [each.state.get("joined") for each in site.consumers] == [True, True])
            await site.layer.send_group("news", {"type": "news.item", "text": "land"})
            assert (await first.response()).body == (await second.response()).body == b"land"
            await until(lambda: all(each.over for each in site.consumers))
        await site.layer.send_group("news", {"type": "news.item", "text": "nobody hears this"})

    assert site.consumers[0].types == ["http.request", "news.item", "http.disconnect"]


async def test_a_group_has_members_of_both_flavours() -> None:
    """One server, one application that makes consumers of both flavours, one group."""
    waits = Application(chat)
    blocks = Application(chat, is_async=False)
    adapted = adapt_sync(blocks)
    turn: list[Any] = []

    def either(*arguments: Any) -> Any:
        turn.append(None)
        return (waits if len(turn) % 2 else adapted)(*arguments)

    async with (
        Server(either, port=0, settings=Settings(access_log=False)) as server,
        websocket(server.address) as first,
        websocket(server.address) as second,
        websocket(server.address) as third,
    ):
        everyone = (first, second, third)
        for number, speaker in enumerate(everyone):
            await speaker.send(text(f"line {number}"))
            assert [await ws.message() for ws in everyone] == [f"line {number}"] * 3

    waits.verify()
    blocks.verify()
    assert (len(waits.consumers), len(blocks.consumers)) == (2, 1)


async def test_memberships_end_with_their_consumer(is_async: bool) -> None:
    """CON-027, rule 8: nothing comes to a consumer that has ended, and nothing is left in the layer."""
    async with serving(chat, is_async=is_async) as site:
        async with websocket(site.address) as ws:
            await ws.close()
        await until(lambda: site.only.over)
        gone = site.only.channel
        async with websocket(site.address) as ws:
            await site.layer.send(gone, note(1))
            await ws.send(text("alone"))
            assert await ws.message() == "alone"

    assert site.consumers[0].channel != site.consumers[1].channel
    assert site.consumers[0].types == ["websocket.connect", "websocket.disconnect"]


async def test_a_consumer_that_has_ended_joins_no_group(is_async: bool) -> None:
    """CON-023."""
    async with serving(answer, is_async=is_async) as site:
        async with connect(site.address) as client:
            await client.ask("/")
        await until(lambda: site.only.over)
        layer, channel = site.only.layer, site.only.channel
        join = layer.group_add if is_async else partial(anyio.to_thread.run_sync, layer.group_add)
        with pytest.raises(RuntimeError):
            await join("room", channel)


VIEW_REFUSALS = {
    "receive": (RuntimeError, ["x"]),
    "new_channel": (RuntimeError, "x!"),
    "close_channel": (RuntimeError, "own"),
    "flush": (RuntimeError,),
    "statistics": (RuntimeError,),
    "close": (RuntimeError,),
    "group_add": (ValueError, "room", "other"),
    "group_discard": (ValueError, "room", "other"),
}


async def test_the_view_offers_what_a_consumer_may_do_and_no_more(is_async: bool) -> None:
    """CON-019 to CON-022."""
    raised: dict[str, BaseException] = {}

    def try_all(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            for name, (_, *arguments) in VIEW_REFUSALS.items():
                channel = {"own": consumer.channel, "other": consumer.channel + "1"}
                try:
                    yield (
                        getattr(consumer.layer, name),
                        *(channel.get(each, each) if isinstance(each, str) else each for each in arguments),
                    )
                except Exception as error:
                    raised[name] = error
        yield from answer(consumer, message)

    async with serving(try_all, is_async=is_async) as site, connect(site.address) as client:
        await client.ask("/")

    assert {name: type(error) for name, error in raised.items()} == {
        name: expected for name, (expected, *_) in VIEW_REFUSALS.items()
    }
    view, layer = site.only.layer, site.layer
    assert view.is_async is is_async
    for name in ("interface", "extensions", "capacity", "expiry", "max_message_size", "ChannelFull", "MessageTooLarge"):
        assert getattr(view, name) == getattr(layer, name)


async def test_consumers_send_to_each_other_directly(is_async: bool) -> None:
    """CON-024, CON-026, CON-032."""

    def whisper(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "websocket.receive":
            yield consumer.layer.send, message["text"], {"type": "chat.line", "text": consumer.channel}
        elif message["type"] == "chat.line":
            yield consumer.send, {"type": "websocket.send", "text": message["text"]}
        else:
            yield from answer(consumer, message)

    async with (
        serving(whisper, is_async=is_async) as site,
        websocket(site.address) as first,
        websocket(site.address) as second,
    ):
        one, two = (consumer.channel for consumer in site.consumers)
        await first.send(text(two))
        assert await second.message() == one
        await second.send(text(two))
        assert await second.message() == two

    assert one.partition("!")[0] == two.partition("!")[0]


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

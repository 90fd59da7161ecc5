"""Consumers and the layer: direct messages, groups, views, long polling, forged types."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import anyio
import pytest

from seaway.conformance.client.http import connect, request
from seaway.conformance.client.websocket import handshake, text, websocket
from seaway.layers import MemoryLayer, SyncMemoryLayer
from seaway.reference import Server, Settings, adapt_sync

from .scripted import Application, Consumer, Message, answer, serving, until

pytestmark = pytest.mark.anyio


def note(number: int) -> Message:
    return {"type": "test.note", "number": number}


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


async def test_a_server_takes_a_layer_of_either_flavour_or_makes_its_own(is_async: bool) -> None:
    """Its consumers see a view of their own flavour, whatever the layer's; a script sends from its own thread."""
    with SyncMemoryLayer() as layer:
        for given in (layer, None):
            application = Application(chat, is_async=is_async)
            async with (
                Server(application, layer=given, port=0, settings=Settings(access_log=False)) as server,
                websocket(server.address) as first,
                websocket(server.address) as second,
            ):
                await first.send(text("hello"))
                assert await second.message() == "hello"
                if given is not None:
                    line = {"type": "chat.line", "text": "from a script"}
                    await anyio.to_thread.run_sync(layer.send_group, "room", line)
                    assert await first.message() == "hello"
                    assert await first.message() == "from a script"
            application.verify()


FORGED = [
    "http.request",
    "http.disconnect",
    "websocket.receive",
    "websocket.disconnect",
    "websocket.strange",
    "http2.reset",
    "lifespan.shutdown",
    "task.stop",
    "server.drain",
    "server.wake",
    "layer.gap",
]


class Noting(MemoryLayer):
    """A layer that notes which channels it was asked to close."""

    def __init__(self) -> None:
        super().__init__()
        self.closed_channels: list[str] = []

    async def close_channel(self, channel: str) -> None:
        self.closed_channels.append(channel)
        await super().close_channel(channel)


@pytest.mark.parametrize("begin", [request(), handshake()], ids=["http", "websocket"])
async def test_the_channel_of_every_consumer_is_closed(begin: bytes, is_async: bool) -> None:
    """CON-027: after its last call, however it ended; so no membership can outlive it."""

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        yield consumer.layer.group_add, "room", consumer.channel
        if message.get("path") == "/fails":
            raise SystemExit
        yield from answer(consumer, message)

    application = Application(handler, is_async=is_async)
    async with (
        Noting() as layer,
        Server(application, layer=layer, port=0, settings=Settings(access_log=False)) as server,
    ):
        for data in (begin, begin.replace(b"GET /", b"GET /fails")):
            async with connect(server.address) as client:
                await client.send(data)
                await client.response()
        await until(lambda: len(layer.closed_channels) == 2)
        assert {consumer.channel for consumer in application.consumers} == set(layer.closed_channels)


class Lax:
    """A layer that lets every type through, as a hostile process could write to the broker."""

    def __init__(self, layer: Any) -> None:
        self._layer = layer
        self._smuggled: list[tuple[str, Message]] = []
        self._arrived = anyio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._layer, name)

    def smuggle(self, channel: str, message: Message) -> None:
        self._smuggled.append((channel, message))
        self._arrived.set()

    async def receive(self, channels: Any, timeout: float | None = None) -> Any:
        while not self._smuggled:
            self._arrived = anyio.Event()
            await self._arrived.wait()
        return self._smuggled.pop(0)


async def test_forged_types_are_dropped(is_async: bool) -> None:
    """MSG-022, MSG-023: nobody who can reach the layer can forge a client's event."""
    application = Application(answer, is_async=is_async)
    async with MemoryLayer() as memory:
        lax = Lax(memory)
        async with (
            Server(application, layer=lax, port=0, settings=Settings(access_log=False)) as server,
            websocket(server.address) as ws,
        ):
            consumer = application.only
            for forged in FORGED[:-1]:
                lax.smuggle(consumer.channel, {"type": forged, "text": "x", "code": 1000, "reason": "lost"})
            lax.smuggle(consumer.channel, {"type": "layer.gap", "reason": "lost", "dropped": 3})
            lax.smuggle(consumer.channel + "0", note(0))
            lax.smuggle(consumer.channel.partition("!")[0] + "!", note(0))
            lax.smuggle(consumer.channel, note(1))
            await until(lambda: note(1) in consumer.messages)
            await ws.send(text("still open"))
            assert await ws.message() == "still open"

    assert consumer.types == [
        "websocket.connect",
        "layer.gap",
        "test.note",
        "websocket.receive",
        *consumer.types[4:],
    ]


async def test_a_gap_of_the_whole_inbox_is_told_to_every_consumer() -> None:
    """GAP-014, GAP-015."""
    application = Application(answer)
    async with MemoryLayer() as memory:
        lax = Lax(memory)
        async with (
            Server(application, layer=lax, port=0, settings=Settings(access_log=False)) as server,
            websocket(server.address),
            websocket(server.address),
        ):
            first, second = application.consumers
            gap = {"type": "layer.gap", "reason": "overflow", "dropped": 7}
            lax.smuggle(first.channel.partition("!")[0] + "!", gap)
            lax.smuggle(second.channel, gap)
            await until(lambda: gap in second.messages)

    assert first.messages[1] == {**gap, "dropped": None}
    assert second.messages[1:3] == [{**gap, "dropped": None}, gap]


async def test_the_layer_refuses_reserved_types_from_a_consumer(is_async: bool) -> None:
    """MSG-021."""
    refused: list[str] = []

    def forge(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            for forged in FORGED:
                try:
                    yield consumer.layer.send, consumer.channel, {"type": forged}
                except ValueError:
                    refused.append(forged)
        yield from answer(consumer, message)

    async with serving(forge, is_async=is_async) as site, connect(site.address) as client:
        await client.ask("/")

    assert refused == FORGED

"""Whatever a consumer raises ends its own connection, is logged once, and is noticed by nobody else."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import anyio
import pytest

from seaway.conformance.client.http import IncompleteError, connect, request
from seaway.conformance.client.websocket import handshake, text, websocket

from .scripted import Application, Consumer, Message, answer, serving, traces, until

pytestmark = pytest.mark.anyio


class HarbourError(Exception):
    """An error of the application's own."""


def recurse() -> None:
    recurse()


def fail(error: type[BaseException]) -> None:
    if error is RecursionError:
        recurse()
    raise error


class Several(BaseExceptionGroup[BaseException]):
    """A group that can be raised like any other class."""

    def __new__(cls) -> "Several":
        return super().__new__(cls, "several", [HarbourError()])


ERRORS = {
    error.__name__: error
    for error in (
        HarbourError,
        ValueError,
        ConnectionError,
        ConnectionResetError,
        TimeoutError,
        MemoryError,
        RecursionError,
        SystemExit,
        KeyboardInterrupt,
        GeneratorExit,
        asyncio.CancelledError,
        StopAsyncIteration,
        Several,
    )
}


async def test_before_the_response_it_is_500(is_async: bool, caplog: pytest.LogCaptureFixture) -> None:
    """CON-046, CON-055 to CON-057, HTTP-050, C1: the peers on other connections go on."""

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            fail(ERRORS[message["path"][1:]])
        yield from answer(consumer, message)

    async with serving(handler, is_async=is_async) as site, websocket(site.address) as neighbour:
        for name in ERRORS:
            async with connect(site.address) as client:
                assert (await client.ask(f"/{name}")).status == 500
            await neighbour.send(text(f"unharmed by {name}"))
            assert await neighbour.message() == f"unharmed by {name}"
        await until(lambda: all(consumer.over for consumer in site.consumers[1:]))

    for consumer in site.consumers[1:]:
        assert consumer.messages[1:] == [{"type": "http.disconnect", "complete": False}]
    logged = Counter(record.exc_info[0] for record in traces(caplog.records) if record.exc_info)
    assert logged == Counter(ERRORS.values())


async def test_inside_the_response_the_connection_is_cut(is_async: bool) -> None:
    """HTTP-051, H21: no last chunk, fewer bytes than the length."""

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            headers = [[b"content-length", b"9"]] if message["query_string"] == b"length" else []
            begin: Message = {"type": "http.response", "status": 200, "body": b"part", "more_body": True}
            yield consumer.send, {**begin, "headers": headers}
            fail(ERRORS[message["path"][1:]])

    async with serving(handler, is_async=is_async) as site:
        for name in ERRORS:
            for framing in ("length", "chunked"):
                async with connect(site.address) as client:
                    await client.send(request(f"/{name}?{framing}"))
                    with pytest.raises(IncompleteError):
                        await client.response()
        await until(lambda: all(consumer.over for consumer in site.consumers))

    for consumer in site.consumers:
        assert consumer.messages[1:] == [{"type": "http.disconnect", "complete": False}]


async def test_a_websocket_closes_with_1011(is_async: bool) -> None:
    """WS-038, W13; what was queued is not delivered (CON-052)."""

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "websocket.receive":
            fail(ERRORS[message["text"]])
        yield from answer(consumer, message)

    async with serving(handler, is_async=is_async) as site, websocket(site.address) as neighbour:
        for name in ERRORS:
            async with websocket(site.address) as ws:
                await ws.send(text(name) + text("two") + text("three"))
                assert await ws.closed() == 1011
        await until(lambda: all(consumer.over for consumer in site.consumers[1:]))
        assert await neighbour.close() == 1000

    for consumer in site.consumers[1:]:
        assert consumer.types == ["websocket.connect", "websocket.receive", "websocket.disconnect"]
        assert consumer.messages[-1]["code"] == 1011


@pytest.mark.parametrize("where", ["application", "first call"])
async def test_a_handshake_is_answered_with_500(where: str, is_async: bool) -> None:
    """CON-011, WS-037."""

    def handler(consumer: Consumer, message: Message) -> None:
        if message["type"] == "websocket.connect":
            raise HarbourError

    inner = Application(handler, is_async=is_async)

    def broken(*arguments: Any) -> Any:
        if where == "application":
            raise SystemExit(7)
        return inner(*arguments)

    async with serving(handler, is_async=is_async, maker=broken) as site, connect(site.address) as client:
        await client.send(handshake())
        assert (await client.response()).status == 500
        assert await client.ended() == b""
        await until(lambda: all(consumer.over for consumer in inner.consumers))

    inner.verify()
    assert len(inner.consumers) == (where == "first call")


@pytest.mark.parametrize("result", [None, "text", 42])
@pytest.mark.parametrize("begin", [request(), handshake()], ids=["http", "websocket"])
async def test_an_application_that_makes_no_consumer_is_500(begin: bytes, result: Any, is_async: bool) -> None:
    """CON-012."""

    async with (
        serving(answer, is_async=is_async, maker=lambda *_: result) as site,
        connect(site.address) as client,
    ):
        await client.send(begin)
        assert (await client.response()).status == 500


async def test_a_consumer_of_the_wrong_flavour_is_told_the_rule(
    is_async: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """CON-017, CON-018."""

    def plain(message: Message) -> None:
        return None

    async def awaited(message: Message) -> None:
        return None

    async with (
        serving(answer, is_async=is_async, maker=lambda *_: plain if is_async else awaited) as site,
        connect(site.address) as client,
    ):
        assert (await client.ask("/")).status == 500

    assert ("CON-017" if is_async else "CON-018") in caplog.text


async def test_an_error_in_the_terminal_call_is_logged_and_is_all(
    is_async: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """CON-053, HTTP-052."""

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        yield from answer(consumer, message)
        if message["type"] == "http.disconnect":
            raise HarbourError

    async with serving(handler, is_async=is_async) as site, connect(site.address) as client:
        for _ in range(2):
            assert (await client.ask("/")).status == 200
        await until(lambda: len(site.consumers) == 2 and all(consumer.over for consumer in site.consumers))

    assert len(traces(caplog.records, HarbourError)) == 2


async def test_an_error_after_the_response_leaves_the_response_whole(
    is_async: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """HTTP-052."""

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        yield from answer(consumer, message)
        if message["type"] == "http.request":
            raise HarbourError

    async with serving(handler, is_async=is_async) as site, connect(site.address) as client:
        assert (await client.ask("/")).body == b"/ "
        await until(lambda: site.only.over)

    assert site.only.messages[1:] == [{"type": "http.disconnect", "complete": True}]
    assert len(traces(caplog.records, HarbourError)) == 1


async def test_an_error_in_every_call_still_gives_one_terminal_message(is_async: bool) -> None:
    """CON-046, CON-053: raised in the first call, and again in the one that ends it."""

    def handler(consumer: Consumer, message: Message) -> None:
        raise HarbourError

    async with serving(handler, is_async=is_async) as site, connect(site.address) as client:
        assert (await client.ask("/")).status == 500
        await until(lambda: site.only.over)

    assert site.only.types == ["http.request", "http.disconnect"]


async def test_send_after_the_end_raises_and_is_no_error_of_the_consumer(
    is_async: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """CON-058, CON-065, HTTP-027, WS-016, W14: the builtin, in the call that was running and in the last one."""
    raised: list[BaseException] = []

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] in ("http.request", "websocket.connect"):
            if message["type"] == "websocket.connect":
                yield consumer.send, {"type": "websocket.accept"}
            return
        late: Message = (
            {"type": "http.response", "status": 200}
            if message["type"] == "http.disconnect"
            else {"type": "websocket.send", "text": "late"}
        )
        try:
            yield consumer.send, late
        except ConnectionError as error:
            raised.append(error)
            raise

    async with serving(handler, is_async=is_async) as site:
        async with connect(site.address) as client:
            await client.send(request())
            await until(lambda: site.consumers and site.only.messages)
        async with websocket(site.address) as ws:
            await ws.close()
        await until(lambda: len(raised) == 2)

    assert not traces(caplog.records)


async def test_a_send_that_waits_is_woken_by_the_end(is_async: bool, caplog: pytest.LogCaptureFixture) -> None:
    """CON-065: the client goes while `send` waits for room."""
    raised: list[BaseException] = []

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "websocket.connect":
            yield consumer.send, {"type": "websocket.accept"}
            try:
                while True:
                    yield consumer.send, {"type": "websocket.send", "bytes": bytes(65536)}
                    consumer.state["sent"] = consumer.state.get("sent", 0) + 1
            except ConnectionError as error:
                raised.append(error)
                raise

    async with serving(handler, is_async=is_async) as site:
        async with websocket(site.address, receive_buffer=4096) as ws:
            await still(lambda: site.only.state.get("sent"))
            ws.client.reset()
            await until(lambda: raised)
        await until(lambda: site.only.over)

    assert site.only.messages[-1]["code"] == 1006
    assert not traces(caplog.records)


async def still(value: Any) -> None:
    """Wait until `value()` has not changed for a while. Too early is no harm: then `send` is interrupted later."""
    before = object()
    while before != value():
        before = value()
        await anyio.sleep(0.1)


async def test_send_before_the_first_message_is_refused(is_async: bool) -> None:
    """CON-029, rule 1: `send` in the application call."""
    refused: list[BaseException] = []
    application = Application(answer, is_async=is_async)

    def hasty(type: str, layer: Any, channel: str, send: Any) -> Any:
        response = {"type": "http.response", "status": 200}
        try:
            if is_async:
                coroutine = send(response)
                coroutine.send(None)
            else:
                send(response)
        except ValueError as error:
            refused.append(error)
        return application(type, layer, channel, send)

    async with serving(answer, is_async=is_async, maker=hasty) as site, connect(site.address) as client:
        assert (await client.ask("/x")).body == b"/x "

    assert len(refused) == 1
    assert "CON-029" in str(refused[0])
    application.verify()

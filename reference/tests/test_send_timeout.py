"""Clients that do not read: what waits for them is bounded in bytes, and then in time."""

from collections.abc import Iterator
from typing import Any

import anyio
import pytest

from seaway.conformance.client.http import IncompleteError, connect, request
from seaway.conformance.client.websocket import handshake

from .scripted import Consumer, Message, serving, traces, until

pytestmark = pytest.mark.anyio

SHORT = 0.2
OK = {"type": "http.response", "status": 200, "body": b"ok"}
FOREVER = b"x" * 65536


class Flood:
    """Sends without end, to a client that does not read; notes how `send` ended."""

    def __init__(self) -> None:
        self.sent = 0
        self.error: BaseException | None = None

    def __call__(self, consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            yield consumer.send, {"type": "http.response", "status": 200, "more_body": True}
            part = {"type": "http.response.body", "body": FOREVER, "more_body": True}
        elif message["type"] == "websocket.connect":
            yield consumer.send, {"type": "websocket.accept"}
            part = {"type": "websocket.send", "bytes": FOREVER}
        else:
            return
        try:
            while True:
                yield consumer.send, part
                self.sent += len(FOREVER)
        except ConnectionError as error:
            self.error = error
            raise


@pytest.mark.parametrize("begin", [request(), handshake()], ids=["http", "websocket"])
async def test_a_client_that_takes_nothing_is_cut_off(
    begin: bytes, is_async: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """CON-062, CON-064, CON-065, H17: bounded in bytes, then in time; no fault of the consumer's."""
    flood = Flood()
    async with (
        serving(flood, is_async=is_async, send_timeout=SHORT) as site,
        connect(site.address, receive_buffer=4096) as frozen,
    ):
        await frozen.send(begin)
        await until(lambda: flood.error, "send to raise")
        await until(lambda: site.consumers[0].over)

    assert isinstance(flood.error, ConnectionError)
    assert flood.sent < 16 * 1024 * 1024
    assert not traces(caplog.records)


async def test_a_client_that_takes_a_little_is_not_cut_off() -> None:
    """CON-064: the time runs without progress only, and this takes more than twice as long."""
    size, seconds = 24 * 1024 * 1024, 3.5
    steps = 150

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            yield consumer.send, {**OK, "body": bytes(size)}

    async with serving(handler, send_timeout=1.5) as site, connect(site.address) as client:
        await client.send(request())
        taken = 0
        for step in range(steps):
            while taken < size * step / steps and await client.more():
                taken += len(client.buffer)
                client.buffer = b""
            await anyio.sleep(seconds / steps)

        assert not client.at_end
        assert taken > size / 2


async def test_an_unfinished_response_is_told_from_a_whole_one_when_send_times_out() -> None:
    """HTTP-012: what is left in the buffer of a client that was cut off did not go out."""
    async with (
        serving(Flood(), send_timeout=SHORT) as site,
        connect(site.address, receive_buffer=4096) as client,
    ):
        await client.send(request())
        await until(lambda: site.consumers and site.only.over)
        with pytest.raises(IncompleteError):
            await client.response()

    assert site.only.messages[-1]["complete"] is False


async def test_a_large_response_is_not_complete_because_the_buffer_took_it() -> None:
    """HTTP-012: one message, more than the sockets hold, and a client that goes away without it."""

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            yield consumer.send, {**OK, "body": bytes(16 << 20)}

    async with serving(handler) as site:
        async with connect(site.address, receive_buffer=4096) as client:
            await client.send(request())
            assert await client.line() == b"HTTP/1.1 200 OK"
            client.reset()
        await until(lambda: site.only.over)

    assert site.only.messages[-1] == {"type": "http.disconnect", "complete": False}

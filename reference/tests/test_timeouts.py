"""Each time-out ends what it is for, with the right refusal, and other connections go on."""

import logging
import threading
from collections.abc import Iterator
from typing import Any

import anyio
import pytest

from seaway.conformance.client.http import DEADLINE, ask_when_admitted, connect, request
from seaway.conformance.client.websocket import handshake, text, websocket

from .scripted import Consumer, Message, answer, serving, until

pytestmark = pytest.mark.anyio

SHORT = 0.2
OK = {"type": "http.response", "status": 200, "body": b"ok"}


def never(consumer: Consumer, message: Message) -> None:
    """Answers nothing."""


async def test_a_response_that_does_not_begin_is_503(is_async: bool) -> None:
    """HTTP-049, HTTP-053."""
    async with (
        serving(never, is_async=is_async, response_timeout=SHORT) as site,
        connect(site.address) as client,
    ):
        assert (await client.ask("/")).status == 503
        await until(lambda: site.only.over)

    assert site.only.messages[1:] == [{"type": "http.disconnect", "complete": False}]


@pytest.mark.parametrize("framing", ["Content-Length: 5", "Transfer-Encoding: chunked"])
async def test_a_response_to_a_streamed_body_has_the_same_time(framing: str, is_async: bool) -> None:
    """HTTP-049."""
    body = b"hello" if "Length" in framing else b"5\r\nhello\r\n0\r\n\r\n"
    async with (
        serving(never, is_async=is_async, response_timeout=SHORT, body_buffer=0) as site,
        connect(site.address) as client,
    ):
        await client.send(request("/", framing, method="POST") + body)
        assert (await client.response()).status == 503
        await until(lambda: site.only.over)

    assert site.only.types == ["http.request", "http.request.body", "http.disconnect"]


async def test_a_slow_consumer_costs_its_client_no_time(is_async: bool) -> None:
    """H16: the body is there, the consumer takes it late; that is no fault of the client's."""

    def slow(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            yield consumer.pause, 4 * SHORT
        yield from answer(consumer, message)

    async with (
        serving(slow, is_async=is_async, body_timeout=SHORT, body_buffer=0) as site,
        connect(site.address) as client,
    ):
        await client.send(request("/", "Content-Length: 200000", method="POST") + bytes(200_000))
        assert (await client.response()).status == 200


async def test_the_time_for_a_response_begins_with_the_last_byte_of_the_body() -> None:
    """HTTP-049: a body that takes longer than the time-out is no reason to refuse."""
    async with serving(answer, response_timeout=SHORT) as site, connect(site.address) as client:
        await client.send(request("/", "Content-Length: 100000", method="POST"))
        began = anyio.current_time()
        sent = 0
        while anyio.current_time() < began + 3 * SHORT:
            await client.send(b"x" * 100)
            sent += 100
            await anyio.sleep(SHORT / 10)
        await client.send(b"x" * (100_000 - sent))

        assert (await client.response()).status == 200


async def test_a_response_that_has_begun_has_no_time_out() -> None:
    def slowly(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            yield consumer.send, {**OK, "more_body": True}
            yield consumer.send, {"type": "server.wake", "after": 3 * SHORT}
        elif message["type"] == "server.wake":
            yield consumer.send, {"type": "http.response.body", "body": b"!"}

    async with serving(slowly, response_timeout=SHORT) as site, connect(site.address) as client:
        assert (await client.ask("/")).body == b"ok!"


async def test_a_handshake_that_is_not_answered_is_503(is_async: bool) -> None:
    """WS-026, WS-010."""
    async with (
        serving(never, is_async=is_async, handshake_timeout=SHORT) as site,
        connect(site.address) as client,
    ):
        await client.send(handshake())
        assert (await client.response()).status == 503
        assert await client.ended() == b""
        await until(lambda: site.only.over)

    assert site.only.types == ["websocket.connect", "websocket.disconnect"]
    assert site.only.messages[-1]["code"] == 1006


@pytest.mark.parametrize(
    ("begin", "status"),
    [(b"", None), (b"GET / HT", 408), (request()[:-2], 408)],
    ids=["silent", "half", "almost"],
)
async def test_a_head_that_does_not_come_ends_the_connection(begin: bytes, status: int | None) -> None:
    """HTTP-063, H15."""
    async with serving(answer, header_timeout=SHORT) as site, connect(site.address) as client:
        await client.send(begin)
        if status is not None:
            assert (await client.response()).status == status
        assert await client.ended() == b""

    assert site.consumers == []


async def test_the_time_for_a_head_is_not_prolonged_by_bytes() -> None:
    """H15: one byte now and then does not help."""
    async with serving(answer, header_timeout=SHORT) as site, connect(site.address) as client:
        await client.trickle(b"G", every=SHORT / 5)

    assert site.consumers == []


async def test_an_idle_connection_is_closed_without_a_word() -> None:
    """HTTP-063."""
    async with serving(answer, header_timeout=3 * SHORT) as site, connect(site.address) as client:
        await client.ask("/")
        assert await client.ended() == b""


async def test_a_body_that_stops_is_408() -> None:
    """HTTP-020, H16."""
    async with serving(answer, body_timeout=SHORT) as site:
        for data in (b"x" * 10, b""):
            async with connect(site.address) as client:
                await client.send(request("/", "Content-Length: 100000", method="POST") + data)
                assert (await client.response()).status == 408
                assert await client.ended() == b""
        await until(lambda: all(consumer.over for consumer in site.consumers))

    assert {consumer.messages[-1]["complete"] for consumer in site.consumers} == {False}


async def test_a_body_in_drops_is_408() -> None:
    """H16: single bytes do not prolong the time-out."""
    async with serving(answer, body_timeout=SHORT) as site, connect(site.address) as client:
        await client.send(request("/", "Content-Length: 100000", method="POST"))
        await client.trickle(b"x", every=SHORT / 5)


async def test_a_call_that_outlives_its_connection_is_cancelled_after_grace() -> None:
    """CON-054, CON-059, CON-060, rule 7."""
    cancelled = []

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            try:
                yield (anyio.sleep_forever,)
            except BaseException as error:
                cancelled.append((type(error), anyio.current_time()))
                raise

    async with serving(handler, grace=SHORT) as site, connect(site.address) as client:
        await client.send(request())
        await until(lambda: site.consumers and site.only.messages)
        gone = anyio.current_time()
        client.close()
        await until(lambda: site.only.over)

    assert cancelled[0][0] is anyio.get_cancelled_exc_class()
    assert cancelled[0][1] - gone >= SHORT
    assert site.only.messages[-1] == {"type": "http.disconnect", "complete": False}


async def test_a_call_may_finish_within_grace() -> None:
    """CON-060: it is not cancelled merely because the client went."""
    finished = []

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            yield anyio.sleep, SHORT
            finished.append(True)

    async with serving(handler, grace=DEADLINE) as site, connect(site.address) as client:
        await client.send(request())
        await until(lambda: site.consumers and site.only.messages)
        client.close()
        await until(lambda: site.only.over)

    assert finished == [True]


async def test_a_thread_that_outlives_its_connection_is_reported_and_keeps_its_place(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """CON-061."""
    release = threading.Event()

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message.get("path") == "/stuck":
            yield release.wait, DEADLINE
        else:
            yield from answer(consumer, message)

    async with serving(handler, is_async=False, grace=SHORT, max_consumers=1) as site:
        with caplog.at_level(logging.WARNING):
            async with connect(site.address) as client:
                await client.send(request("/stuck"))
                await until(lambda: site.consumers and site.only.messages)
            await until(lambda: any(site.only.channel in record.getMessage() for record in caplog.records))
        async with connect(site.address) as client:
            assert (await client.ask("/full")).status == 503
        release.set()
        await until(lambda: site.only.over)
        assert (await ask_when_admitted(site.address, "/free")).status == 200


async def test_a_client_that_does_not_answer_a_close_is_cut_off() -> None:
    """WS-025."""

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "websocket.connect":
            yield consumer.send, {"type": "websocket.accept"}
            yield consumer.send, {"type": "websocket.close", "code": 4000}

    async with serving(handler, grace=SHORT, handshake_timeout=SHORT) as site, websocket(site.address) as ws:
        assert (await ws.frame()).payload == (4000).to_bytes(2, "big")
        assert await ws.client.ended() == b""

    assert site.only.messages[-1]["code"] == 4000


async def test_other_connections_go_on_while_one_times_out() -> None:
    async with (
        serving(answer, header_timeout=3 * SHORT) as site,
        websocket(site.address) as ws,
        connect(site.address) as silent,
    ):
        await silent.ended()
        await ws.send(text("still here"))
        assert await ws.message() == "still here"

"""HTTP/1.1 connections: kept, pipelined, bounded, refused, closed."""

from collections.abc import Iterator
from typing import Any

import pytest

from seaway.conformance.client.http import Client, ask_when_admitted, connect, request
from seaway.conformance.client.websocket import handshake, text, websocket
from seaway.reference import Server

from .scripted import Application, Consumer, Gate, Message, answer, serving, until

pytestmark = pytest.mark.anyio

OK = {"type": "http.response", "status": 200, "body": b"ok"}


async def test_a_connection_is_kept_until_somebody_says_close(is_async: bool) -> None:
    """HTTP-057."""
    async with serving(answer, is_async=is_async) as site, connect(site.address) as client:
        for number in range(5):
            assert (await client.ask(f"/{number}")).body == b"/%d " % number
        response = await client.ask("/last", "Connection: x, Close")

        assert response.closes
        assert await client.ended() == b""
    assert len({consumer.channel for consumer in site.consumers}) == 6


async def test_pipelined_requests_are_answered_in_order(is_async: bool) -> None:
    """HTTP-058, HTTP-060: the second is not begun before the first is answered."""
    gate = Gate()

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message.get("path") == "/0":
            yield consumer.wait, gate
        yield from answer(consumer, message)

    async with serving(handler, is_async=is_async) as site, connect(site.address) as client:
        await client.send(b"".join(request(f"/{number}", method="POST", body=b"b") for number in range(20)))
        await until(lambda: gate.waiting == 1)
        assert len(site.consumers) == 1
        gate.open()
        for number in range(20):
            assert (await client.response()).body == b"/%d b" % number


async def test_the_next_request_does_not_wait_for_the_consumer_of_the_last(is_async: bool) -> None:
    """HTTP-059."""
    gate = Gate()

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            yield consumer.send, OK
            if message["path"] == "/slow":
                yield consumer.wait, gate

    async with serving(handler, is_async=is_async) as site, connect(site.address) as client:
        await client.ask("/slow")
        await client.ask("/next")
        assert not site.consumers[0].over
        gate.open()


async def test_a_flood_of_pipelined_requests_is_not_read_ahead() -> None:
    """H23: most of 8,000 requests wait at the client; the server holds a bounded number of bytes."""
    gate = Gate()

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            yield consumer.wait, gate
            yield consumer.send, OK

    flood = request("/", "X: " + "y" * 1000) * 8_000
    async with serving(handler) as site, connect(site.address, send_buffer=65536) as client:
        taken = await client.stuff(flood)
        assert taken < len(flood)
        assert len(site.consumers) == 1
        gate.open()
        assert (await client.response()).body == b"ok"


@pytest.mark.parametrize(
    ("rest", "kept"), [(65536, True), (65536 + 4096, False)], ids=["64 KiB are skipped", "more ends it"]
)
async def test_a_body_that_nobody_read_is_skipped_or_ends_the_connection(rest: int, kept: bool) -> None:
    """HTTP-018, HTTP-019, H22: it is never taken for the next request, and the response can be read."""

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            yield consumer.send, OK

    trap = request("/smuggled")
    body = trap * (rest // len(trap)) + b"x" * (rest % len(trap))
    async with serving(handler, body_buffer=16) as site, connect(site.address) as client:
        await client.send(request("/", f"Content-Length: {rest}", method="POST"))
        response = await client.response()
        await client.send(body)
        if kept:
            assert (await client.ask("/next")).body == b"ok"
        else:
            assert await client.ended() == b""

    assert response.body == b"ok"
    assert [consumer.messages[0]["path"] for consumer in site.consumers] == (["/", "/next"] if kept else ["/"])
    assert site.consumers[0].messages[-1] == {"type": "http.disconnect", "complete": True}


async def test_a_response_can_be_read_while_megabytes_of_body_still_come() -> None:
    """H22, RFC 9112 section 9.6: closing with unread bytes must not reset the connection."""

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            yield consumer.send, OK

    async with serving(handler) as site, connect(site.address) as client:
        await client.send(request("/", "Content-Length: 8000000", method="POST") + bytes(8_000_000))

        assert (await client.response()).body == b"ok"
        assert await client.ended() == b""
        assert not client.was_reset


@pytest.mark.parametrize(
    ("settings", "fields", "status"),
    [
        ({"max_header_size": 1000}, ["X: " + "y" * 900], 200),
        ({"max_header_size": 1000}, ["X: " + "y" * 1000], 431),
        ({"max_header_fields": 3}, ["X: y", "X: y"], 200),
        ({"max_header_fields": 3}, ["X: y", "X: y", "X: y"], 431),
    ],
)
async def test_the_limits_of_the_head(settings: dict[str, Any], fields: list[str], status: int) -> None:
    """HTTP-056, HTTP-061, HTTP-062."""
    async with serving(answer, **settings) as site, connect(site.address) as client:
        response = await client.ask("/", *fields)
        if status != 200:
            assert response.closes
            assert (response.field(b"content-type") or b"").startswith(b"text/plain")
            assert response.framing == "length"
            assert await client.ended() == b""

    assert response.status == status
    assert len(site.consumers) == (status == 200)


async def test_trailers_have_the_limits_of_the_head() -> None:
    """HTTP-064."""
    head = request("/", "Transfer-Encoding: chunked", method="POST")
    async with serving(answer, max_header_size=1000, max_header_fields=5) as site:
        for trailers in (b"X: " + b"y" * 1000 + b"\r\n", b"x: y\r\n" * 6):
            async with connect(site.address) as client:
                await client.send(head + b"0\r\n" + trailers + b"\r\n")
                assert (await client.response()).status in (400, 431)
                assert await client.ended() == b""


@pytest.mark.parametrize("is_websocket", [False, True])
async def test_beyond_the_bound_of_consumers_is_refused(is_websocket: bool, is_async: bool) -> None:
    """SRV-026, SRV-027: the application is not called; a place that is free is used again."""
    gate = Gate()

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            yield consumer.wait, gate
            yield consumer.send, OK

    async with serving(handler, is_async=is_async, max_consumers=2) as site:
        async with (
            connect(site.address) as first,
            connect(site.address) as second,
            connect(site.address) as third,
        ):
            await first.send(request())
            await second.send(request())
            await until(lambda: gate.waiting == 2)
            await third.send(handshake() if is_websocket else request())
            refused = await third.response()
            assert len(site.consumers) == 2
            gate.open()
            assert (await first.response()).status == (await second.response()).status == 200
        assert (await ask_when_admitted(site.address)).status == 200

    assert refused.status == 503
    assert (refused.field(b"retry-after") or b"").isdigit()


@pytest.mark.parametrize(("target", "status"), [("/", 426), ("/ws", 426)])
async def test_what_the_application_does_not_take_is_not_given_to_it(target: str, status: int) -> None:
    """CON-009."""
    async with serving(answer, types=("websocket",)) as site, connect(site.address) as client:
        response = await client.ask(target)

    assert response.status == status
    assert response.field(b"upgrade") == b"websocket"
    assert site.consumers == []


async def test_other_upgrades_are_ignored() -> None:
    """HTTP-067, CON-010."""
    async with serving(answer, types=("http",)) as site, connect(site.address) as client:
        h2c = await client.ask("/h2c", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAM")
        await client.send(handshake("/plain"))

        assert h2c.body == b"/h2c "
        assert (await client.response()).body == b"/plain "


async def test_clients_that_vanish_leave_nothing_behind() -> None:
    """H24: connections that are reset before, during and after a request; the server goes on."""
    async with serving(answer) as site:
        for data in (b"", b"GET", request(), request(method="POST") + b"x"):
            for _ in range(20):
                client = await Client.connect(site.address)
                await client.send(data)
                client.reset()
        async with connect(site.address) as client:
            assert (await client.ask("/alive")).body == b"/alive "
        await until(lambda: all(consumer.over for consumer in site.consumers))


async def test_a_unix_socket_serves_like_tcp(tmp_path: Any, is_async: bool) -> None:
    """HTTP-001 (`server`: path and None), and the file is gone afterwards."""
    path = str(tmp_path / "seaway.sock")
    async with serving(answer, is_async=is_async, uds=path) as site:
        assert site.address == path
        async with connect(path) as client:
            assert (await client.ask("/x")).body == b"/x "
        async with websocket(path) as ws:
            await ws.send(text("hi"))
            assert await ws.message() == "hi"

    first = site.consumers[0].messages[0]
    assert list(first["server"]) == [path, None]
    assert first.get("client") is None
    with pytest.raises((ConnectionError, FileNotFoundError)):
        async with connect(path):
            pass


async def test_an_address_in_use_is_an_error() -> None:
    async with serving(answer) as site:
        with pytest.raises(OSError, match=r".*"):
            async with Server(Application(answer), port=site.address[1]):
                pytest.fail("two servers on one address")


async def test_eof_inside_the_head_is_not_answered_by_the_application() -> None:
    async with serving(answer) as site, connect(site.address) as client:
        await client.send(request()[:-2])
        client.finish()
        assert b" 200 " not in await client.ended()

    assert site.consumers == []

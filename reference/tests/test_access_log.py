"""The access log: one line a request, whatever the bytes; client errors leave no tracebacks."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from seaway.conformance.client.http import connect, request
from seaway.conformance.client.websocket import handshake, websocket

from .scripted import Consumer, Message, answer, serving, until

pytestmark = pytest.mark.anyio


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Any]:
    """The lines of the access log so far."""
    with caplog.at_level(logging.INFO, logger="seaway.access"):
        yield lambda: [record.getMessage() for record in caplog.records if record.name == "seaway.access"]


async def test_each_request_and_handshake_is_one_line(lines: Any, is_async: bool) -> None:
    async with serving(answer, is_async=is_async, access_log=True) as site, connect(site.address) as client:
        port = client.socket.getsockname()[1]
        await client.ask("/first?a=b", "User-Agent: x")
        await client.ask("/second", method="POST", body=b"hello")
        async with websocket(site.address, "/ws") as ws:
            await ws.close()
        await until(lambda: len(lines()) == 3)

    first, second, third = lines()
    for part in (f"127.0.0.1:{port}", "GET", "/first?a=b", " 200 "):
        assert part in first
    for part in ("POST", "/second", " 200 "):
        assert part in second
    for part in ("/ws", "101"):
        assert part in third


async def test_what_failed_is_logged_with_its_status(lines: Any) -> None:
    def handler(consumer: Consumer, message: Message) -> None:
        raise SystemExit

    async with serving(handler, access_log=True) as site, connect(site.address) as client:
        await client.ask("/fails")
        await until(lambda: len(lines()) == 1)

    assert "/fails" in lines()[0]
    assert " 500 " in lines()[0]


HOSTILE = [
    "/\\x1b[31m",
    "/%0d%0aGET%20/forged%20HTTP/1.1%22%20200",
    '/"%20200%20"',
    "/%1b[2J%00%07",
    "/%E2%80%AE%E2%80%A8",
    "/%C2%9B31m",
    "/a?%0d%0ax=\"y'",
]


@pytest.mark.parametrize("target", HOSTILE)
async def test_no_path_can_forge_a_line_or_reach_the_terminal(lines: Any, target: str) -> None:
    """H26: printable ASCII on one line, and the quotes that close the request are the server's own."""
    async with serving(answer, access_log=True) as site, connect(site.address) as client:
        await client.send(request(target))
        assert (await client.response()).status == 200
        await until(lines)

    (line,) = lines()
    assert line.isascii()
    assert line.isprintable()
    assert line.count('"') == 2


async def test_no_client_error_makes_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """H26: at most one line for a bad request."""
    bad = [
        b"\x00\n\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /\x1b[31m HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: \x1b[31m\r\n\r\n",
        request("/", "Transfer-Encoding: chunked", method="POST") + b"\x1b[31m\r\n",
        handshake("/", "Sec-WebSocket-Key: \x85"),
        handshake() + b"\xff" * 100,
    ]
    async with serving(answer, access_log=True) as site:
        with caplog.at_level(logging.DEBUG):
            for data in bad:
                before = len(caplog.records)
                async with connect(site.address) as client:
                    await client.send(data)
                    await client.ended()
                own = [record for record in caplog.records[before:] if record.name.startswith("seaway")]
                assert len(own) <= 1

    for record in caplog.records:
        if record.name.startswith("seaway"):
            assert record.exc_info is None
            assert record.getMessage().isprintable()


async def test_the_log_can_be_switched_off(lines: Any) -> None:
    async with serving(answer, access_log=False) as site, connect(site.address) as client:
        await client.ask("/")

    assert lines() == []

"""The raw clients must refuse what is wrong, or the tests that use them prove nothing."""

import socket

import anyio
import pytest

from seaway.conformance.client.http import BadResponseError, Client, IncompleteError, Response
from seaway.conformance.client.websocket import BINARY, PING, TEXT, BadFrameError, WebSocket, frame

pytestmark = pytest.mark.anyio

GOOD = {
    "length": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok", "length"),
    "chunked": (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"ok",
        "chunked",
    ),
    "chunked, as a recipient must take it": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
        b'002;a;b=c ; d="e;\\"f"\r\nok\r\n000;last\r\nx: y\r\n\r\n',
        b"ok",
        "chunked",
    ),
    "until the end": (b"HTTP/1.1 200 \r\n\r\nok", b"ok", "close"),
    "no content": (b"HTTP/1.1 204 No Content\r\nx: y\r\n\r\n", b"", "none"),
}
BAD = {
    "a lone LF": b"HTTP/1.1 200 OK\ncontent-length: 0\r\n\r\n",
    "both framings": b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\ncontent-length: 0\r\n\r\n",
    "204 with a length": b"HTTP/1.1 204 No\r\ncontent-length: 0\r\n\r\n",
    "NUL in a value": b"HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n",
    "a chunk without its CRLF": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nokXX0\r\n\r\n",
    "a chunk whose extension has no name": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0;\r\n\r\n",
    "a chunk size in another system": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0x0\r\n\r\n",
    "a response after the response": b"oops",
}
CUT = {
    "nothing": (b"", b""),
    "short body": (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok", b"ok"),
    "no last chunk": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n", b"ok"),
}
BAD_FRAMES = {
    "masked": frame(TEXT, b"hi"),
    "reserved bit": frame(TEXT, b"hi", rsv=4, mask=None),
    "unknown opcode": frame(3, b"hi", mask=None),
    "fragmented ping": frame(PING, b"hi", fin=False, mask=None),
    "longer form than needed": b"\x81\x7e\x00\x02hi",
    "continuation of nothing": frame(0, b"hi", mask=None),
}


async def read(data: bytes) -> Response:
    ours, theirs = socket.socketpair()
    theirs.sendall(data)
    theirs.close()
    ours.setblocking(False)
    with ours:
        return await Client(ours).response()


@pytest.mark.parametrize("name", GOOD)
async def test_responses_are_read_in_every_framing(name: str) -> None:
    data, body, framing = GOOD[name]

    response = await read(data)

    assert (response.body, response.framing) == (body, framing)


@pytest.mark.parametrize("value", [b"close", b"Close", b"x, close", b"x\r\nconnection: close"])
async def test_a_response_that_says_that_the_connection_ends_is_known(value: bytes) -> None:
    response = await read(b"HTTP/1.1 204 No Content\r\nConnection: " + value + b"\r\n\r\n")

    assert response.closes


@pytest.mark.parametrize("name", BAD)
async def test_bad_responses_are_refused(name: str) -> None:
    with pytest.raises((BadResponseError, IncompleteError)):
        await read(BAD[name])


@pytest.mark.parametrize("name", CUT)
async def test_a_response_that_is_cut_is_told_from_a_complete_one(name: str) -> None:
    data, received = CUT[name]

    with pytest.raises(IncompleteError) as caught:
        await read(data)

    assert caught.value.received == received


async def test_who_reads_much_lets_others_run() -> None:
    """A client that did not held up all others of a test run, for seconds on a busy machine."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    turns: list[int] = []
    parts = [65536 * b"x"] * 3

    async def count() -> None:
        while True:
            turns.append(len(turns))
            await anyio.lowlevel.checkpoint()

    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**20)
    for part in parts:
        theirs.send(part)
    theirs.close()
    with ours:
        client = Client(ours)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(count)
            received = await client.ended()
            tasks.cancel_scope.cancel()

    reads = len(received) // 65536
    assert len(turns) >= reads - 1 > 0, "trio's order is random"


@pytest.mark.parametrize("name", BAD_FRAMES)
async def test_bad_frames_are_refused(name: str) -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(BAD_FRAMES[name])
    theirs.close()
    ours.setblocking(False)

    with ours, pytest.raises(BadFrameError):
        await WebSocket(Client(ours), Response(101, [])).message()


def test_masking_follows_the_rfc() -> None:
    assert frame(TEXT, b"Hello") == bytes.fromhex("818537fa213d7f9f4d5158")  # RFC 6455, section 5.7
    assert frame(BINARY, bytes(256), mask=None)[:4] == bytes.fromhex("827e0100")

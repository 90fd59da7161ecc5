"""Compressed messages (RFC 7692), where the server offers them: consumers see no trace of it."""

from __future__ import annotations

import re
import zlib

import pytest

from seaway.conformance.client.websocket import (
    BINARY,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    WebSocket,
    frame,
    text,
)
from seaway.conformance.server.values import said
from seaway.conformance.serving.world import ServerWorld

pytestmark = pytest.mark.needs("websocket", "compression")

_OFFER = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
_COMPRESSED = 4  # the first reserved bit
_LIMIT = 1_048_576
_TAIL = b"\x00\x00\xff\xff"


class _Deflate:
    """Both directions of one WebSocket, by what the server has agreed to."""

    def __init__(self, socket: WebSocket) -> None:
        agreed = (socket.response.field(b"sec-websocket-extensions") or b"").decode()
        assert agreed.startswith("permessage-deflate"), f"compression was not agreed to: {agreed!r}"
        bits = re.search(r"client_max_window_bits=(\d+)", agreed)
        self._compress = zlib.compressobj(wbits=-max(9, int(bits[1]) if bits else 15))
        self._decompress = zlib.decompressobj(wbits=-15)
        self._socket = socket
        socket.reserved = _COMPRESSED

    def deflated(self, data: bytes) -> bytes:
        """Return the payload of a compressed message."""
        return self.blocks(data, zlib.Z_SYNC_FLUSH).removesuffix(_TAIL)

    def blocks(self, data: bytes, flush: int) -> bytes:
        """Return *data* compressed, and flushed in that way of zlib's."""
        return self._compress.compress(data) + self._compress.flush(flush)

    async def message(self) -> bytes:
        """Return the next message of the server, compressed or not."""
        first = part = await self._socket.frame()
        payload = part.payload
        while not part.fin:
            part = await self._socket.frame()
            assert not part.reserved, "the bit belongs to the first frame of a message"
            payload += part.payload
        return self._decompress.decompress(payload + _TAIL) if first.reserved else payload


@pytest.mark.req("WS-002", "WS-023")
@pytest.mark.both_flavours
async def test_compressed_messages_pass_both_ways(world: ServerWorld) -> None:
    async with world.websocket("/", _OFFER) as (socket, consumer):
        deflate = _Deflate(socket)
        for words in ("ahoy", "ahoy " * 1000, "", "é€😀" * 100):
            await socket.send(frame(TEXT, deflate.deflated(words.encode()), rsv=_COMPRESSED))
            call = await consumer.called("websocket.receive")
            assert call.message["text"] == words
            await call.send(said(words))
            assert (await deflate.message()).decode() == words
            await call.returns()
        await socket.send(frame(BINARY, b"\x00\xff"))
        assert (await consumer.given("websocket.receive"))["bytes"] == b"\x00\xff", "it may come as it is, too"


@pytest.mark.req("WS-006", "WS-044")
@pytest.mark.both_flavours
async def test_a_compressed_message_may_come_in_fragments_with_pings_between(world: ServerWorld) -> None:
    async with world.websocket("/", _OFFER) as (socket, consumer):
        data = _Deflate(socket).deflated(b"one two three " * 20)
        await socket.send(frame(TEXT, data[:5], fin=False, rsv=_COMPRESSED) + frame(PING, b"as it is"))
        received = await socket.frame()
        assert (received.opcode, received.payload, received.reserved) == (PONG, b"as it is", 0)
        await socket.send(frame(CONTINUATION, data[5:]))
        assert (await consumer.given("websocket.receive"))["text"] == "one two three " * 20


@pytest.mark.req("WS-039")
@pytest.mark.both_flavours
async def test_the_limit_counts_what_comes_out(world: ServerWorld) -> None:
    async with world.websocket("/", _OFFER) as (socket, consumer):
        deflate = _Deflate(socket)
        await socket.send(frame(BINARY, deflate.deflated(bytes(_LIMIT)), rsv=_COMPRESSED))
        assert len((await consumer.given("websocket.receive"))["bytes"]) == _LIMIT
        await socket.send(frame(BINARY, deflate.deflated(bytes(_LIMIT + 1)), rsv=_COMPRESSED))
        assert await socket.closed() == 1009
        assert (await consumer.disconnected())["code"] == 1009


@pytest.mark.req("SEC-007")
@pytest.mark.needs("memory peak")
async def test_what_comes_out_is_not_made_beyond_the_limit(world: ServerWorld) -> None:
    server = await world.own_server()
    async with world.websocket("/", _OFFER, server=server) as (socket, _):
        mebibyte = _Deflate(socket).blocks(bytes(_LIMIT), zlib.Z_FULL_FLUSH)  # what follows remembers nothing of it
        bomb = (256 * mebibyte).removesuffix(_TAIL)
        before = server.memory_peak()
        await socket.send(frame(BINARY, bomb, rsv=_COMPRESSED))
        await socket.closed()
        grown = server.memory_peak() - before
        assert grown < 64 * _LIMIT, f"the server's memory grew by {grown} bytes for a message of {len(bomb)} bytes"


@pytest.mark.req("WS-043")
async def test_a_compressed_message_that_was_not_agreed_to_closes_with_1002(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer):
        assert socket.response.field(b"sec-websocket-extensions") is None
        await socket.send(text("a", rsv=_COMPRESSED))
        assert await socket.closed() == 1002
        assert (await consumer.disconnected())["code"] == 1002

"""A raw WebSocket client: frames made by hand, good and bad (RFC 6455).

Rules of this module: those of `seaway.conformance.client.http`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import attrs

from seaway.conformance.client.http import Client, IncompleteError, Response, request

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
KEY = base64.b64encode(b"sixteen bytes!!!").decode()
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
ACCEPT = base64.b64encode(hashlib.sha1(KEY.encode() + _GUID).digest())


class BadFrameError(AssertionError):
    """What the server sent is not a valid frame of a server (RFC 6455, section 5)."""


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes | None = b"\x37\xfa\x21\x3d",
    length: int | None = None,
) -> bytes:
    """Return one frame of a client. `length` tells another length than the payload has; `mask=None`: unmasked."""
    count = len(payload) if length is None else length
    flag = 0 if mask is None else 0x80
    first = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    if count < 126:
        head = first + bytes([flag | count])
    elif count < 0x10000:
        head = first + bytes([flag | 126]) + count.to_bytes(2, "big")
    else:
        head = first + bytes([flag | 127]) + count.to_bytes(8, "big")
    if mask is None:
        return head + payload
    key = (mask * (len(payload) // 4 + 1))[: len(payload)]
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")
    return head + mask + masked.to_bytes(len(payload), "big")


def text(value: str, **options: Any) -> bytes:
    """Return a text message in one frame; *options* as of `frame`."""
    return frame(TEXT, value.encode(), **options)


def close_frame(code: int | None = 1000, reason: bytes = b"") -> bytes:
    """Return a close frame; *code* ``None``: without one."""
    return frame(CLOSE, b"" if code is None else code.to_bytes(2, "big") + reason)


def handshake(target: str = "/", *fields: str, **options: Any) -> bytes:
    """Return a valid opening handshake, with more fields if wanted."""
    own = (
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {KEY}",
        "Sec-WebSocket-Version: 13",
    )
    return request(target, *own, *fields, **options)


_OPCODES = (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG)


@attrs.frozen
class Frame:
    """One frame of the server."""

    opcode: int
    payload: bytes
    fin: bool
    reserved: int = 0


class WebSocket:
    """An open WebSocket on a `Client`.

    Attributes:
        reserved: the reserved bits, 0 to 7, that a data frame of the server may have: those of an agreed extension.
    """

    def __init__(self, client: Client, response: Response) -> None:
        self.client = client
        self.response = response
        self.reserved = 0

    async def send(self, data: bytes) -> bool:
        """Send bytes, whatever they are; see `frame` and `text`."""
        return await self.client.send(data)

    async def frame(self) -> Frame:
        """Return the next frame; `IncompleteError` if the connection ends before or inside it."""
        first, second = await self.client.take(2)
        opcode, fin, count = first & 0x0F, bool(first & 0x80), second & 0x7F
        reserved = first >> 4 & 7
        agreed = self.reserved if opcode < CLOSE else 0
        if reserved & ~agreed or second & 0x80 or opcode not in _OPCODES:
            raise BadFrameError(f"a server's frame begins with {first:#x} {second:#x}")
        if opcode >= CLOSE and (not fin or count > 125):
            raise BadFrameError("a control frame is fragmented or too long")
        if count >= 126:
            width, least = (2, 126) if count == 126 else (8, 0x10000)
            count = int.from_bytes(await self.client.take(width), "big")
            if count < least:
                raise BadFrameError(f"length {count} is not in its shortest form")
        return Frame(opcode, await self.client.take(count), fin, reserved)

    async def message(self) -> str | bytes:
        """Return the next message; answers pings. A close frame is an error: see `closed`."""
        parts: list[bytes] = []
        kind = CONTINUATION
        while True:
            received = await self.frame()
            if received.opcode == PING:
                await self.send(frame(PONG, received.payload))
            elif received.opcode in (CLOSE, PONG):
                raise BadFrameError(f"expected a message, received {received}")
            else:
                if (received.opcode == CONTINUATION) != bool(parts):
                    raise BadFrameError(f"fragments out of order: {received}")
                kind = received.opcode or kind
                parts.append(received.payload)
                if received.fin:
                    return _text(b"".join(parts)) if kind == TEXT else b"".join(parts)

    async def closed(self) -> int:
        """Pass over messages to the server's close, answer it, and wait for the end of the connection.

        Returns the code: 1005 if the frame had none, 1006 if the connection ended without a close frame.
        """
        try:
            while (received := await self.frame()).opcode != CLOSE:
                pass
        except IncompleteError:
            return 1006
        await self.send(frame(CLOSE, received.payload))
        rest = await self.client.ended()
        if rest:
            raise BadFrameError(f"sent after the close frame: {rest!r}")
        _text(received.payload[2:])
        return int.from_bytes(received.payload[:2], "big") if received.payload else 1005

    async def close(self, code: int | None = 1000) -> int:
        """Close in order; returns the code that the server answered with."""
        await self.send(close_frame(code))
        return await self.closed()


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise BadFrameError(f"sent as text: {error}") from None


@asynccontextmanager
async def websocket(address: Any, target: str = "/", *fields: str, **options: Any) -> AsyncIterator[WebSocket]:
    """Open a WebSocket that the server accepts; *options* as of `Wire.connect`. It ends without a close frame."""
    client = await Client.connect(address, **options)
    try:
        await client.send(handshake(target, *fields))
        response = await client.response()
        if response.status != 101 or response.field(b"sec-websocket-accept") != ACCEPT:
            raise BadFrameError(f"handshake refused: {response}")
        yield WebSocket(client, response)
    finally:
        client.close()
        await anyio.lowlevel.checkpoint()

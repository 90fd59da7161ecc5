"""Bytes to and from a broker, in an event loop: an `asyncio.Protocol` where asyncio runs, anyio's streams on trio.

Rules of this module: no RESP. asyncio has a way of its own because it costs half as much for each message, and because
anyio's Unix sockets do not survive a cancellation under uvloop.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
import ssl
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import Any

import anyio
import attrs
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSStream

_CHUNK = 1 << 18


@attrs.frozen
class Address:
    """Where a broker is: a Unix socket, or a host and a port, with TLS or without."""

    host: str = ""
    port: int = 0
    path: str = ""
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        return self.path or f"{self.host}:{self.port}"


class Stream(ABC):
    """A connection as bytes. One task sends and one receives at a time.

    Attributes:
        loop: the event loop, if asyncio runs.
    """

    loop: asyncio.AbstractEventLoop | None = None

    @abstractmethod
    async def send(self, data: bytes) -> None:
        """Write all of *data*; ``OSError`` or an error of anyio if that is not possible."""

    @abstractmethod
    async def receive(self) -> bytes:
        """Return some bytes, as soon as there are any; errors as of `send`, also at the end of the stream."""

    @abstractmethod
    def is_over(self) -> bool:
        """Return whether the other end is known to have closed it. Does not wait."""

    @abstractmethod
    def abort(self) -> None:
        """End it at once, whoever waits. Idempotent."""

    @abstractmethod
    async def close(self) -> None:
        """Give the socket back. Idempotent."""


async def open_stream(address: Address) -> Stream:
    """Return a stream to *address*; ``OSError`` or an error of anyio if there is none."""
    if asyncio._get_running_loop() is None:
        return _AnyioStream(await _open_anyio(address))
    loop = asyncio.get_running_loop()
    name = address.host if address.tls is not None else None
    if address.path:
        return (await loop.create_unix_connection(_AsyncioStream, address.path, ssl=address.tls, server_hostname=name))[
            1
        ]
    made = await loop.create_connection(
        _AsyncioStream, address.host, address.port, ssl=address.tls, server_hostname=name
    )
    return made[1]


class _AsyncioStream(asyncio.Protocol, Stream):
    """See `Stream`. The transport reads when it can; what is not received yet is bounded by what was asked for."""

    loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._data: list[bytes] = []
        self._reading: asyncio.Future[None] | None = None
        self._writing: asyncio.Future[None] | None = None
        self._is_full = False
        self._error: Exception | None = None

    def connection_made(self, transport: Any) -> None:  # uvloop's is no subclass of asyncio's
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._data.append(data)
        _resolve(self._reading)

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        _resolve(self._writing)

    def connection_lost(self, exc: Exception | None) -> None:
        self._error = exc or ConnectionResetError("closed by the broker")
        _resolve(self._reading)
        _resolve(self._writing)

    async def send(self, data: bytes) -> None:
        if self._error is not None:
            raise ConnectionResetError(str(self._error))
        self._transport.write(data)
        while self._is_full and self._error is None:
            self._writing = self.loop.create_future()
            await self._writing

    async def receive(self) -> bytes:
        if not self._data:
            if self._error is not None:
                raise ConnectionResetError(str(self._error))
            self._reading = self.loop.create_future()
            await self._reading
            if not self._data:
                raise ConnectionResetError(str(self._error))
        data = self._data[0] if len(self._data) == 1 else b"".join(self._data)
        self._data.clear()
        return data

    def is_over(self) -> bool:
        return self._error is not None

    def abort(self) -> None:
        self._transport.abort()

    async def close(self) -> None:
        self._transport.abort()


def _resolve(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)


class _AnyioStream(Stream):
    """See `Stream`."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._raw = stream.extra(SocketAttribute.raw_socket)

    async def send(self, data: bytes) -> None:
        await self._stream.send(data)

    async def receive(self) -> bytes:
        return await self._stream.receive(_CHUNK)

    def is_over(self) -> bool:
        return is_hung_up(self._raw)

    def abort(self) -> None:
        shut_down(self._raw)

    async def close(self) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.aclose_forcefully(self._stream)


async def _open_anyio(address: Address) -> ByteStream:
    stream: ByteStream
    if address.path:
        stream = await anyio.connect_unix(address.path)
    else:
        stream = await anyio.connect_tcp(address.host, address.port)
        stream.extra(SocketAttribute.raw_socket).setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if address.tls is None:
        return stream
    try:
        return await TLSStream.wrap(stream, hostname=address.host, ssl_context=address.tls, standard_compatible=False)
    except BaseException:
        await anyio.aclose_forcefully(stream)
        raise


def is_hung_up(sock: socket.socket) -> bool:
    """Return whether the other end of *sock* has closed it, as far as this system can tell without waiting."""
    if sock.fileno() < 0 or not hasattr(select, "poll"):
        return sock.fileno() < 0
    poll = select.poll()
    poll.register(sock.fileno(), getattr(select, "POLLRDHUP", 0))
    return bool(poll.poll(0))


def shut_down(sock: socket.socket) -> None:
    """Let a socket end, whoever waits on it; the file descriptor stays its owner's."""
    # By a copy: what an event loop gives out as a socket has no such method of its own.
    with suppress(OSError, ValueError), socket.socket(fileno=os.dup(sock.fileno())) as copy:
        copy.shutdown(socket.SHUT_RDWR)

"""Where a broker is, and bytes to and from it on trio, by anyio's streams.

Rules of this module: no RESP. asyncio has a way of its own (`_pipeline`) because it costs half as much for each
message, and because anyio's Unix sockets do not survive a cancellation under uvloop.
"""

from __future__ import annotations

import os
import select
import socket
import ssl
from contextlib import suppress

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


class Stream:
    """A connection as bytes. One task sends and one receives at a time."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._raw = stream.extra(SocketAttribute.raw_socket)

    async def send(self, data: bytes) -> None:
        """Write all of *data*; ``OSError`` or an error of anyio if that is not possible."""
        await self._stream.send(data)

    async def receive(self) -> bytes:
        """Return some bytes, as soon as there are any; errors as of `send`, also at the end of the stream."""
        return await self._stream.receive(_CHUNK)

    def is_over(self) -> bool:
        """Return whether the other end is known to have closed it. Does not wait."""
        return is_hung_up(self._raw)

    def abort(self) -> None:
        """End it at once, whoever waits. Idempotent."""
        shut_down(self._raw)

    async def close(self) -> None:
        """Give the socket back. Idempotent."""
        with anyio.CancelScope(shield=True):
            await anyio.aclose_forcefully(self._stream)


async def open_stream(address: Address) -> Stream:
    """Return a stream to *address*; ``OSError`` or an error of anyio if there is none."""
    stream: ByteStream
    if address.path:
        stream = await anyio.connect_unix(address.path)
    else:
        stream = await anyio.connect_tcp(address.host, address.port)
        stream.extra(SocketAttribute.raw_socket).setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if address.tls is None:
        return Stream(stream)
    try:
        return Stream(
            await TLSStream.wrap(stream, hostname=address.host, ssl_context=address.tls, standard_compatible=False)
        )
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

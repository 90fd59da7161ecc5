"""A raw HTTP/1.1 client: sends bytes, reads one response at a time, strictly (RFC 9112).

Rules of this module: it shares no code with a server, so that both cannot be wrong in the same way. It has sockets
of its own and waits with anyio: it runs on asyncio, uvloop and trio. Every wait has a deadline, and ends in `Hang`.
"""

from __future__ import annotations

import errno
import re
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Self

import anyio
import attrs

from seaway.conformance.face import Hang

DEADLINE = 60.0  # seconds; generous: nobody waits for it unless something is broken

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9]) [\t\x20-\x7e\x80-\xff]*")
_VISIBLE = rb"[\x21-\x7e\x80-\xff]"
_VALUE = rb"(?:" + _VISIBLE + rb"(?:[\t\x20-\x7e\x80-\xff]*" + _VISIBLE + rb")?)?"
_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_FIELD = re.compile(rb"(" + _TOKEN + rb"):[ \t]*(" + _VALUE + rb")[ \t]*")
_QUOTED = rb'"(?:[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"'
_EXTENSION = rb"[ \t]*;[ \t]*" + _TOKEN + rb"(?:[ \t]*=[ \t]*(?:" + _TOKEN + rb"|" + _QUOTED + rb"))?"
_CHUNK = re.compile(rb"([0-9A-Fa-f]+)(?:" + _EXTENSION + rb")*")  # extensions are ignored (RFC 9112, section 7.1.1)


class BadResponseError(AssertionError):
    """What arrived is not HTTP/1.1 (RFC 9112)."""


class IncompleteError(AssertionError):
    """The connection ended inside a response or frame; `received` is what there was of it, or of its body."""

    def __init__(self, received: bytes) -> None:
        super().__init__(f"the connection ended too early, after {received[:200]!r}")
        self.received = received


@attrs.frozen
class Response:
    """One response. `framing` is what said where its body ends: "none", "length", "chunked" or "close"."""

    status: int
    fields: list[tuple[bytes, bytes]]
    body: bytes = b""
    framing: str = "none"
    trailers: list[tuple[bytes, bytes]] = attrs.field(factory=list)

    def field(self, name: bytes) -> bytes | None:
        """Return the value of the field *name*, in lower case; ``None``: there is none. It must not come twice."""
        values = [value for key, value in self.fields if key == name]
        if len(values) > 1:
            raise BadResponseError(f"{name!r} came {len(values)} times")
        return values[0] if values else None

    @property
    def options(self) -> list[bytes]:
        """What the fields `Connection` list, in lower case."""
        values = b",".join(value for key, value in self.fields if key == b"connection")
        return [option.strip().lower() for option in values.split(b",")]

    @property
    def closes(self) -> bool:
        """Whether it says that the connection ends with it."""
        return b"close" in self.options


def request(
    target: str = "/", *fields: str, method: str = "GET", body: bytes | None = None, version: str = "1.1"
) -> bytes:
    """Return a request in bytes; `Host` and, with a body, `Content-Length` are added."""
    lines = [f"{method} {target} HTTP/{version}", "Host: test", *fields]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


@contextmanager
def within(seconds: float, otherwise: str) -> Iterator[None]:
    """Do what is inside within so many *seconds*.

    Raises:
        Hang: it took longer; the text begins with *otherwise*.
    """
    with anyio.move_on_after(seconds) as scope:
        yield
    if scope.cancelled_caught:
        raise Hang(f"{otherwise} within {seconds:g} seconds")


class Wire:
    """A connected socket, and the bytes that were read from it and not yet taken.

    Args:
        connected: it does not block.
        deadline: seconds that each wait may take.
    """

    def __init__(self, connected: socket.socket, deadline: float = DEADLINE) -> None:
        self.socket = connected
        self.deadline = deadline
        self.buffer = b""
        self.at_end = False
        self.was_reset = False
        self._came_at_once = False  # what was read last, without waiting: then others have their turn first

    @classmethod
    async def connect(
        cls,
        address: Any,
        *,
        receive_buffer: int | None = None,
        send_buffer: int | None = None,
        deadline: float = DEADLINE,
    ) -> Self:
        """Connect to (host, port) or to the path of a Unix socket.

        Args:
            address: where the server listens.
            receive_buffer: bytes that the system keeps for us, unread, before the server has to wait.
            send_buffer: bytes that it keeps unsent.
            deadline: seconds that each wait may take.

        Raises:
            ConnectionRefusedError: nobody listens there.
        """
        is_tcp = not isinstance(address, str)
        raw = socket.socket(socket.AF_INET if is_tcp else socket.AF_UNIX)
        try:
            raw.setblocking(False)
            if receive_buffer is not None:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            if send_buffer is not None:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
            if is_tcp:
                raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            error = raw.connect_ex(address)
            if error and error != errno.EINPROGRESS:
                raise ConnectionRefusedError(error, f"cannot connect to {address!r}")
            with within(deadline, f"{address!r} has not accepted the connection"):
                await anyio.wait_writable(raw)
            error = raw.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                raise ConnectionRefusedError(error, f"cannot connect to {address!r}")
        except BaseException:
            raw.close()
            raise
        return cls(raw, deadline)

    async def send(self, data: bytes) -> bool:
        """Send all of `data`; False if the server has cut the connection before it took everything."""
        view = memoryview(data)
        with within(self.deadline, f"the server has not read the last {len(data)} bytes"):
            while view:
                try:
                    view = view[self.socket.send(view) :]
                except BlockingIOError:
                    await anyio.wait_writable(self.socket)
                except ConnectionError:
                    self.was_reset = True
                    return False
        await anyio.lowlevel.checkpoint()
        return True

    async def drip(self, data: bytes) -> bool:
        """Send `data` one byte at a time, with the server's turn after each."""
        for position in range(len(data)):
            if not await self.send(data[position : position + 1]):
                return False
            await anyio.lowlevel.checkpoint()
        return True

    async def trickle(self, byte: bytes, every: float) -> None:
        """Send one byte every so many seconds until the server has ended the connection."""

        async def drops() -> None:
            while await self.send(byte):
                await anyio.sleep(every)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(drops)
            await self.ended()
            tasks.cancel_scope.cancel()

    async def stuff(self, data: bytes, *, quiet: float = 1.0) -> int:
        """Send `data` until the server has taken nothing for `quiet` seconds; returns how much it was."""
        sent = 0
        while sent < len(data):
            try:
                sent += self.socket.send(data[sent : sent + 65536])
            except BlockingIOError:
                with anyio.move_on_after(quiet) as waiting:
                    await anyio.wait_writable(self.socket)
                if waiting.cancelled_caught:
                    break
        await anyio.lowlevel.checkpoint()
        return sent

    async def more(self) -> bool:
        """Read what there is into `buffer`; False when the server has ended the connection."""
        data = await self._read()
        self.buffer += data
        return bool(data)

    async def _read(self) -> bytes:
        """Return what there is, once there is something; nothing: the server has ended the connection.

        Others have a turn, however much is there: who reads megabytes would else hold up every client of a test run.
        Not before each read, for a client that waits for each answer has given them one.
        """
        with within(self.deadline, f"the server sent nothing more after {self.buffer[:200]!r}"):
            if self._came_at_once:
                await anyio.lowlevel.checkpoint()
            self._came_at_once = True
            while not self.at_end:
                try:
                    data = self.socket.recv(65536)
                except BlockingIOError:
                    self._came_at_once = False
                    await anyio.wait_readable(self.socket)
                    continue
                except ConnectionError:
                    self.was_reset = True
                    data = b""
                self.at_end = not data
                return data
        return b""

    async def take(self, count: int) -> bytes:
        """Return exactly `count` bytes; `IncompleteError` if the connection ends before."""
        while len(self.buffer) < count:
            if not await self.more():
                raise IncompleteError(self.buffer)
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    async def line(self) -> bytes:
        """Return one line without its CRLF. A lone CR or LF is an error."""
        while b"\n" not in self.buffer:
            if not await self.more():
                raise IncompleteError(b"")
        line, _, self.buffer = self.buffer.partition(b"\n")
        if not line.endswith(b"\r") or b"\r" in line[:-1]:
            raise BadResponseError(f"line that does not end in CRLF: {line!r}")
        return line[:-1]

    async def ended(self) -> bytes:
        """Wait until the server has ended the connection; returns what it sent until then."""
        parts = []
        try:
            while data := await self._read():
                parts.append(data)
        finally:
            self.buffer += b"".join(parts)
        rest, self.buffer = self.buffer, b""
        return rest

    def finish(self) -> None:
        """Half-close: the server sees the end of the stream, and can still answer; it may have reset the connection."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """End the connection with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()


class Client(Wire):
    """HTTP/1.1 on a `Wire`; requests that it makes have *own_fields*."""

    own_fields: tuple[str, ...] = ()

    def request(self, target: str = "/", *fields: str, **options: Any) -> bytes:
        """Return a request as `request` makes it, with its own fields."""
        return request(target, *self.own_fields, *fields, **options)

    async def response(self, method: str = "GET") -> Response:
        """Read the next response, an informational one included."""
        line = await self.line()
        matched = _STATUS_LINE.fullmatch(line)
        if matched is None:
            raise BadResponseError(f"not a status line: {line!r}")
        status, fields = int(matched[1]), await self._fields()
        head = Response(status, fields)
        if status < 200 or status == 204:
            self._expect_no_framing(head)
            return head
        length, coding = head.field(b"content-length"), head.field(b"transfer-encoding")
        if length is not None and coding is not None:
            raise BadResponseError("both content-length and transfer-encoding")
        if method == "HEAD" or status == 304:
            return head
        if coding is not None:
            if coding.lower() != b"chunked":
                raise BadResponseError(f"transfer-encoding: {coding!r}")
            body, trailers = await self._chunks()
            return attrs.evolve(head, body=body, framing="chunked", trailers=trailers)
        if length is not None:
            if not length.isdigit():
                raise BadResponseError(f"content-length: {length!r}")
            return attrs.evolve(head, body=await self.take(int(length)), framing="length")
        return attrs.evolve(head, body=await self.ended(), framing="close")

    async def ask(self, target: str = "/", *fields: str, method: str = "GET", **options: Any) -> Response:
        """Send one request and read its response."""
        await self.send(self.request(target, *fields, method=method, **options))
        return await self.response(method)

    async def _fields(self) -> list[tuple[bytes, bytes]]:
        fields = []
        while line := await self.line():
            matched = _FIELD.fullmatch(line)
            if matched is None:
                raise BadResponseError(f"not a field line: {line!r}")
            fields.append((matched[1].lower(), matched[2]))
        return fields

    async def _chunks(self) -> tuple[bytes, list[tuple[bytes, bytes]]]:
        body = b""
        try:
            while True:
                line = await self.line()
                matched = _CHUNK.fullmatch(line)
                if matched is None:
                    raise BadResponseError(f"not a chunk size: {line!r}")
                size = int(matched[1], 16)
                if size == 0:
                    return body, await self._fields()
                chunk = await self.take(size + 2)
                if not chunk.endswith(b"\r\n"):
                    raise BadResponseError(f"chunk of {size} bytes ends in {chunk[-2:]!r}")
                body += chunk[:-2]
        except IncompleteError as error:
            raise IncompleteError(body + error.received) from None

    @staticmethod
    def _expect_no_framing(head: Response) -> None:
        for name in (b"content-length", b"transfer-encoding"):
            if head.field(name) is not None:
                raise BadResponseError(f"{name!r} in a response with status {head.status}")


async def ask_when_admitted(address: Any, target: str = "/") -> Response:
    """Ask on a new connection, again while the server has no room (503)."""
    with within(DEADLINE, "the server has had no room (503) all the time"):
        while True:
            async with connect(address) as client:
                response = await client.ask(target)
            if response.status != 503:
                return response


@asynccontextmanager
async def connect(address: Any, **options: Any) -> AsyncIterator[Client]:
    """Connect a `Client` that is closed at the end; *options* are those of `Wire.connect`."""
    client = await Client.connect(address, **options)
    try:
        yield client
    finally:
        client.close()

"""One connection: run these commands, in order, and give me the replies. All that the layer needs from a client.

Rules of this module: nothing is ever sent twice. Whatever goes wrong is a ``ConnectionError``, after which the
connection is of no more use. An error that the broker answers is no exception but a reply, an instance of `Refusal`.

RESP is hiredis's, in both flavours.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 - or a thread imports it as it connects, and a fork meanwhile leaves its lock behind
import socket
from collections import deque
from collections.abc import Sequence
from time import monotonic
from typing import Any, Protocol

import anyio
import hiredis

from seaway.layers.redis._greeting import History
from seaway.layers.redis._streams import Address, Stream, is_hung_up, open_stream, shut_down
from seaway.layers.redis._wire import Command

Refusal = hiredis.ReplyError
_CHUNK = 1 << 18


class Connection(Protocol):
    """What the engine knows of a connection of either flavour. The synchronous one never suspends."""

    address: Address
    history: History | None
    knows_lists: bool
    """Whether the history of the normal channels was compared on it; a matter of a Cluster."""

    async def run(self, commands: Sequence[Command], timeout: float) -> list[Any]:
        """Return the replies; ``ConnectionError`` if they are not there within *timeout* seconds."""

    def is_over(self) -> bool:
        """Return whether the broker is known to have closed it, so that nothing needs to be written to find out."""

    def abort(self) -> None:
        """Make every `run`, now and later, fail. From any thread."""

    async def close(self) -> None:
        """Give the socket back. Idempotent."""


class TrioConnection:
    """For trio. Two tasks may run commands at the same time: what one writes, it reads."""

    def __init__(self, stream: Stream, address: Address) -> None:
        self.address = address
        self.history: History | None = None
        self.knows_lists = False
        self._stream = stream
        self._reader = hiredis.Reader(notEnoughData=Ellipsis)
        self._writing = _Turn()
        self._reading = _Turn()
        self._broken = ""

    @classmethod
    async def open(cls, address: Address, timeout: float) -> TrioConnection:
        """Connect; ``ConnectionError`` unless that is done within *timeout* seconds."""
        try:
            with anyio.fail_after(timeout):
                return cls(await open_stream(address), address)
        except (OSError, TimeoutError, anyio.EndOfStream, anyio.BrokenResourceError) as error:
            raise failed(address, error) from error

    async def run(self, commands: Sequence[Command], timeout: float) -> list[Any]:
        """See `Connection.run`."""
        data = b"".join([hiredis.pack_command(command) for command in commands])
        try:
            with anyio.move_on_after(timeout):
                return await self._exchange(data, len(commands))
            self._broken = self._broken or f"no answer within {timeout:.1f} s"
        except (
            OSError, anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, hiredis.HiredisError
        ) as error:  # fmt: skip
            self._broken = self._broken or f"{type(error).__name__}: {error}"
        except BaseException:
            self._broken = "a call was cancelled between question and answer"
            self.abort()
            raise
        self.abort()
        raise ConnectionError(f"the broker at {self.address}: {self._broken}")

    async def _exchange(self, data: bytes, count: int) -> list[Any]:
        writing, reading = self._writing, self._reading
        if writing.is_taken:
            await writing.wait()
        writing.is_taken = True
        try:
            self._check()
            await self._stream.send(data)
            if reading.is_taken:
                await reading.wait()
            reading.is_taken = True
        finally:
            writing.end()
        try:
            return await self._replies(count)
        finally:
            reading.end()

    async def _replies(self, count: int) -> list[Any]:
        replies: list[Any] = []
        gets, receive = self._reader.gets, self._stream.receive
        while len(replies) < count:
            reply = gets()
            if reply is Ellipsis:
                self._check()
                self._reader.feed(await receive())
            else:
                replies.append(reply)
        return replies

    def _check(self) -> None:
        if self._broken:
            raise ConnectionError(self._broken)

    def is_over(self) -> bool:
        """See `Connection.is_over`."""
        return bool(self._broken) or self._stream.is_over()

    def abort(self) -> None:
        """See `Connection.abort`."""
        self._broken = self._broken or "given up"
        self._stream.abort()

    async def close(self) -> None:
        """See `Connection.close`."""
        self._broken = self._broken or "closed"
        await self._stream.close()


class _Turn:
    """Tasks one after the other, in the order in which they came. Whoever finds it taken waits, then takes it.

    anyio's lock asks at each step which event loop runs.
    """

    def __init__(self) -> None:
        self.is_taken = False
        self._waiting: deque[anyio.Event] = deque()

    async def wait(self) -> None:
        """Return when it is the caller's; it stays taken."""
        granted = anyio.Event()
        self._waiting.append(granted)
        try:
            await granted.wait()
        except BaseException:
            if granted.is_set():
                self.end()
            else:
                self._waiting.remove(granted)
            raise

    def end(self) -> None:
        """Let the next go on."""
        if self._waiting:
            self._waiting.popleft().set()
        else:
            self.is_taken = False


class SyncConnection:
    """For threads, one at a time."""

    def __init__(self, sock: socket.socket, address: Address) -> None:
        self.address = address
        self.history: History | None = None
        self.knows_lists = False
        self._socket = sock
        self._reader = hiredis.Reader(notEnoughData=Ellipsis)

    @classmethod
    def open(cls, address: Address, timeout: float) -> SyncConnection:
        """Connect; ``ConnectionError`` unless that is done within *timeout* seconds."""
        sock = None
        try:
            if address.path:
                sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                sock.settimeout(timeout)
                sock.connect(address.path)
            else:
                sock = socket.create_connection((address.host, address.port), timeout)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if address.tls is not None:
                sock = address.tls.wrap_socket(sock, server_hostname=address.host)
        except (OSError, TimeoutError) as error:
            if sock is not None:
                sock.close()
            raise failed(address, error) from error
        return cls(sock, address)

    async def run(self, commands: Sequence[Command], timeout: float) -> list[Any]:
        """See `Connection.run`. Never suspends."""
        deadline = monotonic() + timeout
        replies: list[Any] = []
        try:
            self._socket.settimeout(timeout)
            self._socket.sendall(b"".join([hiredis.pack_command(command) for command in commands]))
            while len(replies) < len(commands):
                reply = self._reader.gets()
                if reply is not Ellipsis:
                    replies.append(reply)
                    continue
                self._socket.settimeout(max(deadline - monotonic(), 0.001))
                data = self._socket.recv(_CHUNK)
                if not data:
                    raise ConnectionResetError("closed by the broker")
                self._reader.feed(data)
        except (OSError, TimeoutError, ValueError, hiredis.HiredisError) as error:
            self.abort()
            raise failed(self.address, error) from error
        except BaseException:
            self.abort()  # an answer is still on its way: nobody may take it for another's
            raise
        return replies

    def is_over(self) -> bool:
        """See `Connection.is_over`."""
        return is_hung_up(self._socket)

    def abort(self) -> None:
        """See `Connection.abort`."""
        shut_down(self._socket)

    async def close(self) -> None:
        """See `Connection.close`. Never suspends."""
        self._socket.close()


def failed(address: Address, error: BaseException) -> ConnectionError:
    """Return what is raised for *error* on the way to *address*."""
    return ConnectionError(f"the broker at {address}: {type(error).__name__}: {error}")

"""trio, on anyio's streams: two tasks for each connection, a system task for each run of a pump."""

from __future__ import annotations

import errno
import logging
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import anyio.abc
import trio
from anyio.abc import SocketAttribute

from .runtime import Listener, Message, Pumped, Runtime, Timer
from .unix import SocketFile

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

__all__ = ["TrioRuntime"]

T = TypeVar("T")
logger = logging.getLogger("seaway.server")
_NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_PAUSE = 1.0  # seconds, as asyncio waits
_HIGH, _LOW = 65_536, 16_384  # bytes that wait to be written: above, `send` waits; below, it goes on


class TrioRuntime(Runtime):
    """The hooks on the running trio loop."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self._token = trio.lowlevel.current_trio_token()

    def now(self) -> float:
        return trio.current_time()

    def start(self, runner: Pumped, message: Message) -> None:
        trio.lowlevel.spawn_system_task(self._run, runner, message, context=runner.context)

    async def _run(self, runner: Pumped, message: Message | None) -> None:
        while True:
            with trio.CancelScope() as scope:
                runner.handle = scope
                await runner.pump(message)
                return
            runner.cancelling = False
            message = runner.take()

    def cancel(self, runner: Pumped) -> None:
        runner.handle.cancel()

    def must_propagate(self, error: BaseException) -> bool:
        return isinstance(error, trio.Cancelled)

    def soon(self, callback: Callable[[], object]) -> None:
        self._token.run_sync_soon(callback)

    def threadsafe(self, callback: Callable[[], object]) -> None:
        self._token.run_sync_soon(callback)

    def later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        scope = trio.CancelScope()

        async def wait() -> None:
            with scope:
                await trio.sleep(seconds)
                callback()

        trio.lowlevel.spawn_system_task(wait)
        return scope

    def _run_from_thread(self, function: Callable[..., Awaitable[T]], args: tuple[Any, ...]) -> T:
        return trio.from_thread.run(function, *args, trio_token=self._token)

    async def settle(self) -> None:
        await trio.lowlevel.checkpoint()

    @asynccontextmanager
    async def listen(
        self, connect: Callable[[], Any], *, host: str, port: int, uds: str | None
    ) -> AsyncIterator[Listener]:
        sockets: anyio.abc.Listener[anyio.abc.SocketStream]
        file = None if uds is None else SocketFile(uds)
        if uds is None or file is None:
            sockets = await anyio.create_tcp_listener(local_host=host, local_port=port, backlog=2048)
        else:
            file.claim()
            sockets = await anyio.create_unix_listener(uds, backlog=2048)
            file.note()
        listener = _TrioListener(sockets, uds, file)

        async def handle(stream: anyio.abc.SocketStream) -> None:
            try:
                await StreamTransport(stream, connect()).run()
            except Exception:
                logger.exception("a connection's protocol failed: the connection is ended")

        async with anyio.create_task_group() as connections:
            connections.start_soon(listener.accept, handle, connections)
            try:
                yield listener
            finally:
                await listener.close()
                connections.cancel_scope.cancel()


class _TrioListener:
    def __init__(
        self, sockets: anyio.abc.Listener[anyio.abc.SocketStream], uds: str | None, file: SocketFile | None
    ) -> None:
        self._sockets = sockets
        self._file = file
        self._scope = anyio.CancelScope()
        self._stopped = anyio.Event()
        self.address: tuple[str, int] | str
        if uds is None:
            name: Any = sockets.extra(SocketAttribute.local_address)
            self.address = (name[0], name[1])
        else:
            self.address = uds

    async def accept(self, handle: Any, connections: anyio.abc.TaskGroup) -> None:
        try:
            with self._scope:
                while True:
                    await self._serve(handle, connections)
        finally:
            self._stopped.set()

    async def _serve(self, handle: Any, connections: anyio.abc.TaskGroup) -> None:
        """Accept until the system has no room for another connection; then wait for some to end (SRV-031)."""
        try:
            await self._sockets.serve(handle, connections)
        except* anyio.BrokenResourceError as errors:  # so anyio wraps what `accept` raises
            cause = errors.exceptions[0].__cause__
            if not isinstance(cause, OSError) or cause.errno not in _NO_ROOM:
                raise
            logger.warning("no room for another connection (%s): accepting pauses", cause)
        await anyio.sleep(_PAUSE)

    async def close(self) -> None:
        self._scope.cancel()
        await self._stopped.wait()
        await self._sockets.aclose()
        if self._file is not None:
            self._file.remove()


class StreamTransport:
    """What protocols need of an `asyncio.Transport`, over an anyio stream."""

    def __init__(self, stream: anyio.abc.SocketStream, protocol: Any) -> None:
        self._stream = stream
        self._protocol = protocol
        self._buffer = bytearray()
        self._written = anyio.Event()
        self._readable = anyio.Event()
        self._readable.set()
        self._reading = True
        self._paused = False
        self._eof = False
        self._closing = False
        self._scope = anyio.CancelScope()

    async def run(self) -> None:
        """Carry bytes both ways until the connection has ended."""
        raw = self._stream.extra(SocketAttribute.raw_socket)
        if raw.family != socket.AF_UNIX:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._protocol.connection_made(self)
        try:
            with self._scope:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._read)
                    await self._write()
                    tasks.cancel_scope.cancel()
        finally:
            self._closing = True
            self._buffer.clear()
            self._protocol.connection_lost(None)
            with anyio.CancelScope(shield=True):
                await anyio.aclose_forcefully(self._stream)

    async def _read(self) -> None:
        while True:
            await self._readable.wait()
            try:
                data = await self._stream.receive(65_536)
            except anyio.EndOfStream:
                self._protocol.eof_received()
                self.close()
                return
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                self.abort()
                return
            if not self._closing:
                self._protocol.data_received(data)

    async def _write(self) -> None:
        try:
            while True:
                if self._buffer:
                    data = bytes(self._buffer[:_HIGH])
                    await self._stream.send(data)
                    del self._buffer[: len(data)]
                    if self._paused and len(self._buffer) <= _LOW:
                        self._paused = False
                        self._protocol.resume_writing()
                elif self._closing:
                    return
                elif self._eof:
                    self._eof = False
                    await self._stream.send_eof()
                else:
                    self._written = anyio.Event()
                    await self._written.wait()
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
            return

    # -- what protocols call -------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        if self._closing:
            return
        self._buffer += data
        self._written.set()
        if not self._paused and len(self._buffer) > _HIGH:
            self._paused = True
            self._protocol.pause_writing()

    def write_eof(self) -> None:
        self._eof = True
        self._written.set()

    def close(self) -> None:
        self._closing = True
        self._written.set()

    def abort(self) -> None:
        self._scope.cancel()

    def pause_reading(self) -> None:
        if self._reading:
            self._reading = False
            self._readable = anyio.Event()

    def resume_reading(self) -> None:
        self._reading = True
        self._readable.set()

    def get_write_buffer_size(self) -> int:
        return len(self._buffer)

    def get_extra_info(self, name: str) -> Any:
        if name == "socket":
            return self._stream.extra(SocketAttribute.raw_socket)
        attribute = SocketAttribute.remote_address if name == "peername" else SocketAttribute.local_address
        return self._stream.extra(attribute, None)

    def set_protocol(self, protocol: Any) -> None:
        self._protocol = protocol

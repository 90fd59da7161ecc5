"""asyncio, with or without uvloop: an `asyncio.Protocol` for each connection, an eager task for each run of a pump."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from .runtime import Listener, Message, Pumped, Runtime, Timer
from .unix import SocketFile

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

__all__ = ["AsyncioRuntime"]

T = TypeVar("T")

# asyncio takes one number for both, and without file descriptors fails, and logs that, so many times in one turn of the
# loop: 2,048 times it would be busy for seconds (SRV-031).
_BACKLOG = 2048
_ACCEPTED_AT_ONCE = 64

# A call that finishes at once costs no trip through the loop; Python 3.11 cannot do that.
_EAGER: dict[str, Any] = {"eager_start": True} if sys.version_info >= (3, 12) else {}


class AsyncioRuntime(Runtime):
    """The hooks on the running asyncio loop."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._discard = self._tasks.discard

    def now(self) -> float:
        return self._loop.time()

    def soon(self, callback: Callable[[], object]) -> None:
        self._loop.call_soon(callback)

    def start(self, runner: Pumped, message: Message) -> None:
        task = asyncio.Task(runner.pump(message), loop=self._loop, context=runner.context, **_EAGER)
        if not task.done():
            runner.handle = task
            self._tasks.add(task)
            task.add_done_callback(self._discard)

    def cancel(self, runner: Pumped) -> None:
        runner.handle.cancel()

    def must_propagate(self, error: BaseException) -> bool:
        if isinstance(error, asyncio.CancelledError):
            task = asyncio.current_task()
            while task is not None and task.cancelling():
                task.uncancel()
        return False

    def threadsafe(self, callback: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(callback)

    def later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        return self._loop.call_later(seconds, callback)

    def _run_from_thread(self, function: Callable[..., Awaitable[T]], args: tuple[Any, ...]) -> T:
        outcome: list[Any] = []
        done = threading.Lock()
        done.acquire()

        async def call() -> None:
            try:
                outcome.append(await function(*args))
            except BaseException as error:
                outcome.extend((None, error))
            done.release()

        def begin() -> None:
            task = asyncio.Task(call(), loop=self._loop, **_EAGER)
            if not task.done():
                self._tasks.add(task)
                task.add_done_callback(self._discard)

        self._loop.call_soon_threadsafe(begin)
        done.acquire()
        if len(outcome) > 1:
            raise outcome.pop()
        return outcome.pop()  # type: ignore[no-any-return]

    async def settle(self) -> None:
        await asyncio.sleep(0)

    @asynccontextmanager
    async def listen(
        self, connect: Callable[[], Any], *, host: str, port: int, uds: str | None
    ) -> AsyncIterator[Listener]:
        file = None if uds is None else SocketFile(uds)
        if uds is None or file is None:
            server = await self._loop.create_server(connect, host, port, backlog=_ACCEPTED_AT_ONCE)
        else:
            file.claim()
            server = await self._loop.create_unix_server(connect, uds, backlog=_ACCEPTED_AT_ONCE)
            file.note()
        for listening in server.sockets:
            with socket.socket(fileno=os.dup(listening.fileno())) as same:
                same.listen(_BACKLOG)
        listener = _AsyncioListener(server, uds, file)
        try:
            yield listener
        finally:
            await listener.close()


class _AsyncioListener:
    def __init__(self, server: asyncio.Server, uds: str | None, file: SocketFile | None) -> None:
        self._server = server
        self._file = file
        self.address: tuple[str, int] | str = uds or server.sockets[0].getsockname()[:2]

    async def close(self) -> None:
        # Closed at once, asyncio would leave whom it has just accepted with nobody, and the socket open.
        for listening in self._server.sockets:
            self._server.get_loop().remove_reader(listening)
        await asyncio.sleep(0)
        self._server.close()
        await asyncio.sleep(0)  # then their protocols know them, and who drains knows of all
        if self._file is not None:
            self._file.remove()

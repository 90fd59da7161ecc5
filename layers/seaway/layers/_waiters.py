"""One waiting ``receive``, as a handle that any thread can wake.

Rules of this module: a waiter belongs to one `receive` call. The keeper of the messages (a hub, a connection)
arms it under its own lock when there is nothing to take, and wakes it at most once for each time it was armed,
from any thread. A wake carries no message: it only says "look again". So a call that is cancelled or runs out of
time while it waits has nothing in its hands that could be lost (LAY-075).
"""

from __future__ import annotations

import asyncio
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import trio


class Waiter(ABC):
    """A handle for one waiting ``receive``.

    Attributes:
        owner: what the keeper of the messages knows the layer object by.
        places: where the keeper has filed this waiter; empty while it is not armed.
        woken: whether somebody has been told, since it was armed, to wake it.
    """

    __slots__ = ("owner", "places", "woken")

    def __init__(self) -> None:
        self.owner: Any = None
        self.places: list[Any] = []
        self.woken = False

    @abstractmethod
    def arm(self) -> None:
        """Get ready to wait: a wake that comes before the wait has begun must be seen by it."""

    @abstractmethod
    def wake(self) -> bool:
        """Make the wait return, from any thread; ``False`` if nobody can ever wake up there."""


class AsyncWaiter(Waiter):
    """A waiter whose wait suspends a task."""

    __slots__ = ()

    @abstractmethod
    async def wait(self) -> bool:
        """Wait for a wake; ``False`` if the time-out has passed without one."""


class ThreadWaiter(Waiter):
    """Blocks a thread. *timeout* in seconds from now, or ``None``."""

    __slots__ = ("_deadline", "_latch")

    def __init__(self, timeout: float | None) -> None:
        super().__init__()
        self._deadline = None if timeout is None else monotonic() + timeout
        self._latch = threading.Lock()

    def arm(self) -> None:
        self._latch.acquire(blocking=False)

    def wake(self) -> bool:
        self._latch.release()
        return True

    def wait(self) -> bool:
        """Wait for a wake; ``False`` if the time-out has passed without one."""
        if self._deadline is None:
            return self._latch.acquire()
        left = min(max(self._deadline - monotonic(), 0.0), threading.TIMEOUT_MAX)
        return self._latch.acquire(timeout=left)


class AsyncioWaiter(AsyncWaiter):
    """Suspends an asyncio task (uvloop included). *timeout* in seconds from now, or ``None``."""

    __slots__ = ("_deadline", "_future", "_loop")

    def __init__(self, timeout: float | None) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._deadline = None if timeout is None else self._loop.time() + timeout
        self._future: asyncio.Future[bool] = self._loop.create_future()

    def arm(self) -> None:
        if self._future.done():
            self._future = self._loop.create_future()

    def wake(self) -> bool:
        if asyncio._get_running_loop() is self._loop:
            self._resolve(self._future, True)
            return True
        try:
            self._loop.call_soon_threadsafe(self._resolve, self._future, True)
        except RuntimeError:  # the loop is closed
            return False
        return True

    async def wait(self) -> bool:
        if self._deadline is None:
            return await self._future
        timer = self._loop.call_at(self._deadline, self._resolve, self._future, False)
        try:
            return await self._future
        finally:
            timer.cancel()

    @staticmethod
    def _resolve(future: asyncio.Future[bool], woken: bool) -> None:
        if not future.done():
            future.set_result(woken)


class TrioWaiter(AsyncWaiter):
    """Suspends a trio task. *timeout* in seconds from now, or ``None``."""

    __slots__ = ("_deadline", "_event", "_token", "_trio")

    def __init__(self, timeout: float | None) -> None:
        super().__init__()
        self._trio = sys.modules["trio"]
        self._token: trio.lowlevel.TrioToken = self._trio.lowlevel.current_trio_token()
        self._deadline = None if timeout is None else self._trio.current_time() + timeout
        self._event: trio.Event = self._trio.Event()

    def arm(self) -> None:
        if self._event.is_set():
            self._event = self._trio.Event()

    def wake(self) -> bool:
        if _trio_token() is self._token:
            self._event.set()
            return True
        try:
            self._token.run_sync_soon(self._event.set)
        except self._trio.RunFinishedError:
            return False
        return True

    async def wait(self) -> bool:
        if self._deadline is None:
            await self._event.wait()
        else:
            with self._trio.move_on_at(self._deadline):
                await self._event.wait()
        return self._event.is_set()


def _trio_token() -> object | None:
    trio = sys.modules.get("trio")
    if trio is None:
        return None
    try:
        token: object = trio.lowlevel.current_trio_token()
    except RuntimeError:
        return None
    return token


class Home:
    """An event loop that an asynchronous object belongs to: what identifies it, and how its tasks wait.

    Args:
        loop: the asyncio loop, or the trio token.
        waiter: makes a waiter for a ``receive`` with this time-out, in a task of that loop.
        checkpoint: lets other tasks of that loop run, and a cancellation arrive.
    """

    __slots__ = ("checkpoint", "loop", "waiter")

    def __init__(
        self,
        loop: object,
        waiter: Callable[[float | None], AsyncWaiter],
        checkpoint: Callable[[], Awaitable[None]],
    ) -> None:
        self.loop = loop
        self.waiter = waiter
        self.checkpoint = checkpoint


def current_home() -> Home | None:
    """Return the event loop that runs in this thread, or ``None``."""
    # trio first: as a guest it runs in the thread of an asyncio loop.
    token = _trio_token()
    if token is not None:
        return Home(token, TrioWaiter, sys.modules["trio"].lowlevel.checkpoint)
    loop = asyncio._get_running_loop()
    if loop is not None:
        return Home(loop, AsyncioWaiter, _asyncio_checkpoint)
    return None


async def _asyncio_checkpoint() -> None:
    await asyncio.sleep(0)

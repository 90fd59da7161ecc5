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
from asyncio import _get_running_loop
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import trio

ResultT = TypeVar("ResultT")


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
        self._latch.acquire()

    def arm(self) -> None:
        """Nothing to do: the wait that saw a wake has closed the latch again."""

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
    """Suspends an asyncio task (uvloop included) of *loop*. *timeout* in seconds from now, or ``None``."""

    __slots__ = ("_deadline", "_future", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop, timeout: float | None) -> None:
        # As `Waiter` does it, without the call: there is one for each message.
        self.owner = None
        self.places = []
        self.woken = False
        self._loop = loop
        self._deadline = None if timeout is None else self._loop.time() + timeout
        self._future: asyncio.Future[bool] = self._loop.create_future()

    def arm(self) -> None:
        if self._future.done():
            self._future = self._loop.create_future()

    def wake(self) -> bool:
        if _get_running_loop() is self._loop:
            future = self._future
            if not future.done():
                future.set_result(True)
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


def _trio_token() -> trio.lowlevel.TrioToken | None:
    module = sys.modules.get("trio")
    if module is None:
        return None
    try:
        token: trio.lowlevel.TrioToken = module.lowlevel.current_trio_token()
    except RuntimeError:
        return None
    return token


class Home(ABC):
    """An event loop that an asynchronous object belongs to.

    Attributes:
        loop: what identifies it: the asyncio loop, or the trio token.
    """

    __slots__ = ("loop",)

    loop: Any

    @abstractmethod
    def waiter(self, timeout: float | None) -> AsyncWaiter:
        """Return a waiter for a task of this loop."""

    @abstractmethod
    async def checkpoint(self) -> None:
        """Let other tasks run, and a cancellation arrive."""

    @abstractmethod
    def call(self, function: Callable[[], Coroutine[Any, Any, ResultT]]) -> ResultT:
        """Run *function* in this loop and return what it returns. From another thread, which is blocked.

        An exception in this thread (``KeyboardInterrupt``) cancels what was not finished.

        Raises:
            RuntimeError: the loop does not run, or ended before the function did.
        """


class AsyncioHome(Home):
    """An asyncio loop, uvloop's included."""

    __slots__ = ()

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop

    def waiter(self, timeout: float | None) -> AsyncWaiter:
        return AsyncioWaiter(self.loop, timeout)

    async def checkpoint(self) -> None:
        await asyncio.sleep(0)

    def call(self, function: Callable[[], Coroutine[Any, Any, ResultT]]) -> ResultT:
        if not self.loop.is_running():
            raise _ended()
        future = asyncio.run_coroutine_threadsafe(function(), self.loop)
        try:
            return future.result()
        except CancelledError:
            raise _ended() from None
        except BaseException:
            future.cancel()
            raise


class TrioHome(Home):
    """A trio run."""

    __slots__ = ()

    def __init__(self, token: trio.lowlevel.TrioToken) -> None:
        self.loop = token

    def waiter(self, timeout: float | None) -> AsyncWaiter:
        return TrioWaiter(timeout)

    async def checkpoint(self) -> None:
        await sys.modules["trio"].lowlevel.checkpoint()

    def call(self, function: Callable[[], Coroutine[Any, Any, ResultT]]) -> ResultT:
        module = sys.modules["trio"]
        try:
            result: ResultT = module.from_thread.run(function, trio_token=self.loop)
        except (module.RunFinishedError, module.Cancelled):
            raise _ended() from None
        return result


def _ended() -> RuntimeError:
    return RuntimeError("the event loop that this layer belongs to does not run, or ended before the call did")


def current_home() -> Home | None:
    """Return the event loop that runs in this thread, or ``None``."""
    # trio first: as a guest it runs in the thread of an asyncio loop.
    token = _trio_token()
    if token is not None:
        return TrioHome(token)
    loop = asyncio._get_running_loop()
    return None if loop is None else AsyncioHome(loop)

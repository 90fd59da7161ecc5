"""What a driver offers to protocols, runners and views: tasks, time and threads of one event loop."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import anyio

from ..threads import ThreadPool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager
    from contextvars import Context

__all__ = ["Listener", "Message", "Pumped", "Runtime", "Timer"]

T = TypeVar("T")
Message = dict[str, Any]


class Timer(Protocol):
    """A callback that is to come."""

    def cancel(self) -> None:
        """Let it not come."""


class Pumped(Protocol):
    """What is run for a consumer: `handle` is the loop's own, of the run that is under way."""

    context: Context | None
    handle: Any
    cancelling: bool

    async def pump(self, message: Message | None) -> None:
        """Call the consumer until nothing is filed for it."""

    def take(self) -> Message | None:
        """The next message; none: the pump must stop."""


class Listener(Protocol):
    """A listening socket."""

    address: tuple[str, int] | str

    async def close(self) -> None:
        """Accept nothing more; connections that are open stay open."""


class Runtime(ABC):
    """The hooks of one event loop. Made on the loop's own thread, inside the loop."""

    def __init__(self, threads: int) -> None:
        self.threads = ThreadPool(threads)
        self._thread = threading.get_ident()

    @abstractmethod
    def now(self) -> float:
        """Seconds on the loop's monotonic clock."""

    @abstractmethod
    def start(self, runner: Pumped, message: Message) -> None:
        """Run `runner.pump(message)` in the runner's context, at once if the loop can, and set `runner.handle`."""

    @abstractmethod
    def cancel(self, runner: Pumped) -> None:
        """Cancel the call that the runner's pump is in; the pump goes on with what is filed."""

    @abstractmethod
    def must_propagate(self, error: BaseException) -> bool:
        """Whether the loop's own machinery needs to see this exception of a call."""

    @abstractmethod
    def soon(self, callback: Callable[[], object]) -> None:
        """Call back from the loop, not from here."""

    @abstractmethod
    def threadsafe(self, callback: Callable[[], object]) -> None:
        """As `soon`, from any thread. `RuntimeError` when the loop has ended."""

    @abstractmethod
    def later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Call back in `seconds`."""

    @abstractmethod
    def _run_from_thread(self, function: Callable[..., Awaitable[T]], args: tuple[Any, ...]) -> T: ...

    @abstractmethod
    def listen(
        self, connect: Callable[[], Any], *, host: str, port: int, uds: str | None
    ) -> AbstractAsyncContextManager[Listener]:
        """Listen on a TCP address or a Unix socket; `connect` makes the protocol of each connection. `OSError`."""

    @abstractmethod
    async def settle(self) -> None:
        """Let callbacks that are due run."""

    def on_loop(self, callback: Callable[[], object]) -> None:
        """Call back from the loop: now, if this is the loop's thread."""
        if threading.get_ident() == self._thread:
            callback()
        else:
            self.threadsafe(callback)

    def from_thread(self, function: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Await `function(*args)` on the loop and wait for its result here. `RuntimeError` on the loop's own thread."""
        if threading.get_ident() == self._thread:
            raise RuntimeError(
                "a synchronous call on the event loop's own thread would deadlock: call it from a synchronous "
                "consumer or another thread, or use the asynchronous flavour"
            )
        return self._run_from_thread(function, args)

    async def run_in_thread(self, function: Callable[[], None]) -> None:
        """Run `function` in a worker thread; its exception is raised here."""
        done = anyio.Event()
        raised: list[BaseException] = []

        def job() -> None:
            try:
                function()
            except BaseException as error:
                raised.append(error)
            with suppress(RuntimeError):  # the loop has ended without this call, which outlived it
                self.threadsafe(done.set)

        self.threads.submit(job)
        await done.wait()
        if raised:
            raise raised.pop()

    async def sweep(self, interval: float) -> AsyncIterator[float]:
        """Yield the time, every `interval` seconds."""
        while True:
            await anyio.sleep(interval)
            yield self.now()

"""The lifespan of an application: one consumer for the server's own start and end (lifespan chapter)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import anyio

from seaway.spec.errors import invalid

from .protocols.exchange import message_type, wake
from .runner import Phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from .dispatcher import Dispatcher
    from .runner import Message, Runner

__all__ = ["Lifespan", "LifespanFailed", "StartupFailed"]


_LAST_WORD = 0.5  # seconds for a cancelled call to end


class LifespanFailed(RuntimeError):  # noqa: N818 - what happened
    """The application's lifespan consumer raised: the server has stopped. `__cause__` is what it raised."""


class StartupFailed(LifespanFailed):
    """The application could not start: its call or its `lifespan.startup` raised. `__cause__` is what it raised."""


class Lifespan:
    """The exchange of the lifespan consumer. It has nobody to send to."""

    type = "lifespan"

    def __init__(self, dispatcher: Dispatcher, stop: Callable[[], object]) -> None:
        runner = dispatcher.begin(self)
        if runner is None:
            raise StartupFailed("max_consumers leaves no room for the lifespan consumer")
        self.runner: Runner = runner
        self.started = False
        self.waiting: Message | None = None
        self._stop = stop  # what to call when the consumer raises after startup (LIF-010)
        self.raised = False
        self.cause: BaseException | None = None
        self._returned = anyio.Event()

    async def startup(self) -> None:
        """Deliver `lifespan.startup` and wait for its return. `StartupFailed` if it or the application raised."""
        self.waiting = {"type": "lifespan.startup", "extensions": {"interface": "1.0"}}
        self.runner.file_socket(self.waiting, 0)
        await self._returned.wait()
        if self.raised:
            await self._ended()
            raise StartupFailed(
                "the application raised at lifespan.startup: the server does not start (LIF-008)"
            ) from self.cause

    async def shutdown(self) -> None:
        """Deliver `lifespan.shutdown` and wait for its end."""
        self.runner.finish({"type": "lifespan.shutdown"})
        await self._ended()

    async def _ended(self) -> None:
        """Wait for the last call; one that outlives the grace time is cancelled."""
        runner = self.runner
        with anyio.move_on_after(runner.dispatcher.settings.grace):
            await self._phase(Phase.ENDED)
            return
        runner.expire()
        with anyio.move_on_after(_LAST_WORD):
            await self._phase(Phase.ENDED)

    async def _phase(self, phase: Phase) -> None:
        while self.runner.phase < phase:
            await anyio.sleep(0.005)

    async def send(self, message: Message) -> None:
        """Take `server.wake`; anything else is a `ValueError`, for there is no client."""
        self.emit(message)

    def emit(self, message: Message) -> None:
        """As `send`."""
        kind = message_type(message)
        if kind != "server.wake" or not self.started:
            raise invalid("type", "server.wake, all that a lifespan consumer may send", kind, "LIF-012")
        wake(self, message)

    def returned(self) -> None:
        """The startup call has ended, by a return or an exception."""
        self.waiting = None
        self._returned.set()

    def resume(self) -> None:
        """One message is no reason for a full mailbox."""

    def failed(self) -> None:
        """The application or a call raised: the server does not start, or stops."""
        self.raised = True
        self.cause = sys.exception()  # the runner calls this while it handles the exception
        self.runner.finish({"type": "lifespan.shutdown"})
        if self._returned.is_set():
            self._stop()

    def end(self, code: int, status: int) -> None:
        """The server ends it by `shutdown`, in its own time."""

"""One ASGI call beside one consumer: events one way, a `send` the other, and one end for both.

Rules of this file:

- A consumer returns from a message once the ASGI application has taken it: that is how a slow one slows its client.
- What the application raises comes out of the consumer, which is called again for it by `server.wake`.
- The call never outlives the consumer: the last call of the consumer ends with it, by cancellation if need be.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import anyio

from .beside import Beside

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..runner import Message
    from .transport import Event

__all__ = ["Call"]


class Call:
    """What the calls of every type have in common; a consumer."""

    def __init__(
        self, application: Callable[..., Awaitable[None]], reply: Callable[[Message], Awaitable[None]]
    ) -> None:
        self._application = application
        self._reply = reply
        self._events: deque[Event] = deque()
        self._last: Event | None = None
        self._arrived = anyio.Event()
        self._moved = anyio.Event()  # an event was taken, or the call has ended
        self._gone: BaseException | None = None  # what `reply` raised because the connection has ended
        self._beside: Beside | None = None

    async def __call__(self, message: Message) -> None:
        """One message of the server. Raises what the ASGI application has raised."""
        try:
            await self._take(message)
        except anyio.get_cancelled_exc_class():
            await self._cancel()
            raise
        self._raise()

    # -- types fill in -------------------------------------------------------------------------------------

    async def _take(self, message: Message) -> None:
        """Act on one message of the server; unknown ones are ignored."""
        raise NotImplementedError

    async def _send(self, event: Event) -> None:
        """Act on one event of the application."""
        raise NotImplementedError

    async def _finish(self) -> None:
        """The application has returned: `RuntimeError` for what it has left undone."""
        raise NotImplementedError

    # -- types use -----------------------------------------------------------------------------------------

    def _begin(self, scope: dict[str, Any]) -> None:
        """Call the application, in a task of its own."""

        async def call() -> None:
            await self._application(scope, self._receive, self._pass_on)
            await self._finish()

        self._beside = Beside(call, self._ended)

    async def _offer(self, event: Event, *, wait: bool) -> None:
        """Hand `event` to the application; with `wait`, return when it has taken it, or has ended."""
        beside = self._beside
        if beside is None or beside.done.is_set():
            return
        self._events.append(event)
        self._arrived.set()
        while wait and any(each is event for each in self._events) and not beside.done.is_set():
            self._moved = anyio.Event()
            await self._moved.wait()

    async def _end(self, event: Event) -> None:
        """Hand on the last event, which every later `receive` gets too, and wait for the application to end."""
        self._last = event
        self._arrived.set()
        if self._beside is not None:
            await self._beside.done.wait()

    @property
    def _over(self) -> bool:
        """Whether the connection has ended, as far as is known here."""
        return self._last is not None or self._gone is not None

    # -- the application's side ----------------------------------------------------------------------------

    async def _receive(self) -> Event:
        while not self._events:
            if self._last is not None:
                return self._last
            if self._arrived.is_set():
                self._arrived = anyio.Event()
            await self._arrived.wait()
        event = self._events.popleft()
        self._moved.set()
        return event

    async def _pass_on(self, event: Event) -> None:
        try:
            await self._send(event)
        except ConnectionError as error:
            self._gone = error
            raise

    # -- the end -------------------------------------------------------------------------------------------

    async def _ended(self) -> None:
        """The application has ended: the consumer is called to say what it raised, if nothing calls it now."""
        self._moved.set()
        if self._beside is not None and self._beside.error is not None:
            with suppress(ConnectionError, ValueError):
                await self._reply({"type": "server.wake", "after": 0})

    def _raise(self) -> None:
        beside = self._beside
        if beside is None or beside.error is None:
            return
        error, beside.error = beside.error, None
        raise self._gone if self._gone is not None and _comes_of(error, self._gone) else error

    async def _cancel(self) -> None:
        """The server has cancelled the consumer's call: so is the application's, and waited for."""
        beside = self._beside
        if beside is not None and not beside.done.is_set():
            beside.cancel()
            with anyio.CancelScope(shield=True):
                await beside.done.wait()


def _comes_of(error: BaseException | None, gone: BaseException) -> bool:
    """Whether `error` is what an application made of `gone`, as frameworks do, or a group of tasks that all saw it."""
    seen = set()
    while error is not None and id(error) not in seen:
        if error is gone or (type(error) is type(gone) and vars(error) and vars(error) == vars(gone)):
            return True
        if isinstance(error, BaseExceptionGroup):
            return all(_comes_of(one, gone) for one in error.exceptions)
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False

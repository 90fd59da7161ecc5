"""One connection of a harness: what calls its consumer, and what the consumer's `send` does.

Rules of this module: no protocol; what a message means to the client is said in `http` and `websocket`, and what may be
sent when by the tables of `seaway.spec.states`. Whatever a consumer raises ends here, and is kept for the test.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections import deque
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread

from seaway.conformance.harness.clock import Timer
from seaway.conformance.harness.mailbox import Mailbox
from seaway.conformance.harness.transcript import Transcript
from seaway.conformance.harness.views import view_for
from seaway.spec import InvalidMessage, normalise
from seaway.spec.exchange import Exchange
from seaway.spec.states import table

if TYPE_CHECKING:
    from seaway.conformance.harness.core import Core

Message = dict[str, Any]

_NOBODYS_FAULT = frozenset({"HTTP-027", "WS-016", "SRV-025"})
"""What a consumer breaks that cannot know that its connection has ended."""


class ConnectionEnded(ConnectionError):  # noqa: N818 - the interface promises the builtin, this tells whose it was
    """What `send` raises after its connection has ended (CON-065)."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(f"{connection} has ended: nothing can be sent to it any more (CON-065)")
        self.connection = connection


class Connection:
    """One consumer and what the harness knows of it.

    Attributes:
        channel: the consumer channel.
        transcript: what went to the consumer and came from it.
    """

    type = ""

    def __init__(self, core: Core, first: Message, name: str) -> None:
        self.core = core
        self.name = name
        self.channel = core.new_channel()
        self.transcript = Transcript()
        self.mailbox = Mailbox(core.limits)
        self.has_ended = False  # the terminal message is filed (CON-051)
        self.is_over = False  # the call with it has ended
        self._wire: deque[Any] = deque()  # what the client has done and the server not read
        self._first = first
        self._exchange = Exchange(self.type)
        self._terminal = table(self.type).terminal
        self._consumer: Any = None
        self._own_end = False
        self._running: Message | None = None
        self._resting = False
        self._next: Message | None = None
        self._news = anyio.Event()
        self._held_up = 0
        self._flowing: anyio.Event | None = None
        self._wake: Timer | None = None
        self._scope: anyio.CancelScope | None = None
        self._expired = False

    def __str__(self) -> str:
        return self.name

    # What the harness asks

    @property
    def is_idle(self) -> bool:
        """Whether nothing more will happen here by itself."""
        if self.is_over:
            return True
        if self._running is not None:
            return self._held_up > 0 and self._flowing is not None
        return self._resting and not self.mailbox

    @property
    def state(self) -> str:
        """What the consumer is doing, for the text of a failure."""
        if self.is_over:
            return "it has ended"
        if self._running is None:
            return "it is idle"
        kind = self._running["type"]
        if self._held_up:
            return f"its call with {kind} waits in `send` for the client, which does not read"
        return f"its call with {kind} has not returned"

    # What reaches the consumer

    def begin(self) -> None:
        """Let the consumer be made and given its first message."""
        self.mailbox.file_socket(self._first)
        self.core.spawn(self._live)

    def file_socket(self, message: Message) -> None:
        """File what the client did, or a message of the server."""
        if not self.has_ended:
            self.mailbox.file_socket(message)
            self._tell()

    def file_layer(self, message: Message) -> None:
        """File a message of the layer."""
        if not self.has_ended:
            self.mailbox.file_layer(message)
            self._tell()

    def finish(self, terminal: Message, *, own: bool = False) -> None:
        """File the terminal message. *own*: the consumer has ended its connection itself."""
        if self.has_ended:
            return
        self.has_ended = True
        self._own_end = own
        self.mailbox.finish(terminal)
        self._cancel_wake()
        self.flow()
        if self._running is not None:
            self.core.clock.later(self.core.limits.grace, self._expire)
        self._tell()

    def hold(self) -> None:
        """The client stops reading: `send` waits (CON-062)."""
        if self._flowing is None and not self.has_ended:
            self._flowing = anyio.Event()

    def flow(self) -> None:
        """The client reads again."""
        flowing, self._flowing = self._flowing, None
        if flowing is not None:
            flowing.set()

    # What a protocol says

    def read(self) -> None:
        """Take from the wire what may be read now."""

    def given(self, message: Message) -> None:
        """The consumer has been called with *message*."""

    def returned(self, message: Message) -> None:
        """The call with *message* has ended."""

    def check(self, message: Message) -> None:
        """Raise `InvalidMessage` for what neither schema nor table of states can know."""

    def take(self, message: Message) -> None:
        """The consumer has sent *message*."""

    def failed(self) -> None:
        """The consumer has raised: answer the client in its place, and finish."""

    def lost(self) -> None:
        """The client is gone."""

    # What the consumer does

    async def send(self, message: Message) -> None:
        """Send *message* to the client. It is the `send` of an asynchronous consumer."""
        message = normalise(message)
        if self._flowing is not None:
            await self._wait_for_client()
        self._take_in(message)

    def send_from_thread(self, message: Message) -> None:
        """Send *message* to the client. It is the `send` of a synchronous consumer. `RuntimeError` on the loop."""
        self.core.from_thread(self.send, message)

    def _take_in(self, message: Message) -> None:
        after = self._exchange.fork()
        found = after.message("from-consumer", message)
        if self.has_ended and not self._own_end and not (found and found[0].requirement == "CON-029"):
            raise ConnectionEnded(self)
        for one in found:
            if one.requirement in _NOBODYS_FAULT:
                raise ConnectionEnded(self)
            raise ValueError(str(one).partition(": ")[2])
        self.check(message)
        self._exchange = after
        self.transcript.sent(message)
        if message["type"] == "server.wake":
            self._wake_after(message["after"])
        else:
            self.take(message)
        self.core.tell()

    async def _wait_for_client(self) -> None:
        self._held_up += 1
        timer = self.core.clock.later(self.core.limits.send_timeout, self.lost)
        self.core.tell()
        try:
            while self._flowing is not None:
                await self._flowing.wait()
        finally:
            timer.cancel()
            self._held_up -= 1

    # server.wake

    def _wake_after(self, seconds: float | None) -> None:
        self._cancel_wake()
        self.mailbox.forget_wake()
        if seconds is not None:
            self._wake = self.core.clock.later(seconds, self._woken)

    def _cancel_wake(self) -> None:
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None

    def _woken(self) -> None:
        self._wake = None
        self.core.woken(self)
        self.file_socket({"type": "server.wake"})

    # The calls

    def _tell(self) -> None:
        if self._resting:  # a consumer that is idle is given it at once: it does not count in the mailbox
            self._next = self.mailbox.take()
        self._resting = False
        self._news.set()
        self.core.tell()

    async def _live(self) -> None:
        try:
            if await self._make():
                while not self.is_over:
                    await self._give_next()
        finally:
            self.is_over = True
            with anyio.CancelScope(shield=True):
                await self.core.let_go(self)

    async def _make(self) -> bool:
        core = self.core
        send = self.send if core.is_async else self.send_from_thread
        arguments = (self.type, view_for(self), self.channel, send)
        self._context = contextvars.copy_context()
        try:
            if core.is_async:
                consumer = core.application(*arguments)
            else:
                consumer = await self._in_thread(core.application, *arguments)
            if not callable(consumer):
                raise TypeError(f"the application returned {consumer!r}; expected a callable, the consumer (CON-012)")
        except BaseException as error:
            if _is_cancellation(error):
                raise
            core.failed(self, error, "the application call")
            self.failed()
            return False
        self._consumer = consumer
        return True

    async def _give_next(self) -> None:
        message, self._next = self._next or self.mailbox.take(), None
        if message is None:
            self._resting = True
            self._news = anyio.Event()
            self.core.tell()
            await self._news.wait()
            return
        found = self._exchange.message("to-consumer", message)
        assert not found, f"the harness is wrong: {found[0]}"
        is_last = message["type"] == self._terminal
        self.transcript.given(message)
        self._running = message
        self.given(message)
        self.core.tell()
        await self._call(message, is_last)
        self._running = None
        self.is_over = is_last
        self.returned(message)
        self.read()
        self.core.tell()

    async def _call(self, message: Message, is_last: bool) -> None:
        timer = self.core.clock.later(self.core.limits.grace, self._expire) if self.has_ended else None
        self._expired = False
        try:
            with anyio.CancelScope() as self._scope:
                await (self._call_async(message) if self.core.is_async else self._call_sync(message))
        except BaseException as error:
            if _is_cancellation(error):
                raise
            self._raised(error, message, is_last)
        else:
            self.transcript.ended("cancelled" if self._expired else "returned")
            self._exchange.returned()
        finally:
            self._scope = None
            if timer is not None:
                timer.cancel()

    async def _call_async(self, message: Message) -> None:
        awaitable = self._consumer(message)
        if not inspect.isawaitable(awaitable):
            raise TypeError(
                f"the consumer returned {awaitable!r}, which cannot be awaited (CON-017): use `async def`, or set "
                "`is_async = False` on the application"
            )
        await awaitable

    async def _call_sync(self, message: Message) -> None:
        result = await self._in_thread(self._consumer, message)
        if inspect.isawaitable(result):
            if inspect.iscoroutine(result):
                result.close()
            raise TypeError(
                f"the consumer returned {result!r}, which would have to be awaited (CON-018): use plain `def`, or set "
                "`is_async = True` on the application"
            )

    async def _in_thread(self, function: Any, *arguments: Any) -> Any:
        def call() -> tuple[Any]:  # a tuple: trio would not let a coroutine out of a thread
            return (self._context.run(function, *arguments),)

        return (await anyio.to_thread.run_sync(call, abandon_on_cancel=True))[0]

    def _raised(self, error: BaseException, message: Message, is_last: bool) -> None:
        if self._expired or (isinstance(error, ConnectionEnded) and error.connection is self):
            self.transcript.ended("returned")
            self._exchange.returned()
            return
        self.transcript.ended(f"raised {type(error).__name__}: {error}")
        self._exchange.raised()
        self.core.failed(self, error, f"its call with {message['type']}")
        self.mailbox.clear()
        self._wire.clear()
        if not is_last:
            self.failed()

    def _expire(self) -> None:
        if self._scope is not None and self.core.is_async:
            self._expired = True
            self._scope.cancel()


def _is_cancellation(error: BaseException) -> bool:
    """Whether *error* is a cancellation from outside, and not one of the consumer's own making (CON-055)."""
    if not isinstance(error, anyio.get_cancelled_exc_class()):
        return False
    if not isinstance(error, asyncio.CancelledError):
        return True
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def invalid(field: str, expected: str, got: object, requirement: str) -> InvalidMessage:
    """Return the error for *got* at *field*."""
    return InvalidMessage(field, expected, repr(got), requirement)

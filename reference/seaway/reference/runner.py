"""One consumer's mailbox and the loop that calls the consumer; no protocol knowledge (CON, rules 2 to 7).

Rules of this file:

- `file_*` and `finish` are called on the server's loop; `take` also from the worker thread that runs a
  synchronous consumer, which is why the mailbox has a lock.
- A pump is alive only while there is something to deliver: an idle consumer has no task.
- Whatever a consumer raises ends here, so that no other connection notices (CON, rule 6).
"""

from __future__ import annotations

import contextvars
import enum
import logging
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .drivers.runtime import Runtime, Timer
    from .settings import Mailbox, Settings

__all__ = ["ConnectionEnded", "Exchange", "Message", "Phase", "Runner", "size_of"]

Message = dict[str, Any]
logger = logging.getLogger("seaway.server")
_LONGEST = 3e8  # seconds, about ten years: event loops cannot count to what a message may hold


class ConnectionEnded(ConnectionError):  # noqa: N818 - the interface promises the builtin, this tells whose it was
    """What `send` raises after its connection has ended."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(f"the {exchange.type} connection has ended: nothing can be sent to it any more")
        self.exchange = exchange


class Exchange(Protocol):
    """The protocol's side of one consumer: what a runner needs to know of it."""

    type: str
    started: bool
    waiting: Message | None

    @property
    def send(self) -> Callable[[Message], Awaitable[None]]:
        """What the consumer is given to answer with."""

    def emit(self, message: Message) -> None:
        """Send one message without waiting for room in the transport."""

    def returned(self) -> None:
        """The consumer returned from its call with the message `waiting`."""

    def resume(self) -> None:
        """The mailbox, which was full, has room again."""

    def failed(self) -> None:
        """The consumer or the application raised: refuse, close or cut, and finish the runner."""

    def end(self, code: int, status: int) -> None:
        """End now, by the server's wish: WebSocket with `code`, an unanswered request with `status`."""


class Home(Protocol):
    """What a runner needs of the server around it; `Dispatcher` is it."""

    application: Callable[..., Any]
    context: contextvars.Context
    mailbox: Mailbox
    runtime: Runtime
    settings: Settings

    def view(self, runner: Runner) -> Any:
        """The layer as the consumer of `runner` may use it."""

    async def ended(self, runner: Runner) -> None:
        """The last call of a consumer has returned."""


class Phase(enum.IntEnum):
    """Where a consumer is in its life."""

    LIVE = 0
    ENDING = 1  # the terminal message waits in the mailbox
    LAST = 2  # it has been handed out: the call that is running is the last
    ENDED = 3


def size_of(value: Any) -> int:
    """The bytes that a message counts in a mailbox: its text and bytes, and 8 for any other value."""
    kind = value.__class__
    if kind is str or kind is bytes:
        return len(value)
    if kind is dict:
        return sum(len(key) + size_of(item) for key, item in value.items())
    if kind is list:
        return sum(map(size_of, value))
    return 8


class Runner:
    """The mailbox of one consumer, and what calls it."""

    # Values of the class are where a runner begins: there is one for each request, so each assignment counts.
    consumer: Callable[[Message], Awaitable[None]] | None = None
    phase = Phase.LIVE
    running = False
    in_thread = False
    cancelling = False
    handle: Any = None  # the running pump's, set by the runtime: what `runtime.cancel` takes
    _socket: list[tuple[Message, int]] | None = None
    _layer: list[tuple[Message, int]] | None = None
    _socket_bytes = 0
    _layer_bytes = 0
    _layer_count = 0  # gaps stand outside the bound
    _urgent = 0
    _from_layer = True
    _full = False
    _overflow: Message | None = None
    _terminal: Message | None = None
    _deadline: float | None = None
    _reported = False
    _wake: Timer | None = None

    def __init__(self, dispatcher: Home, exchange: Exchange, channel: str) -> None:
        self.dispatcher = dispatcher
        self.exchange = exchange
        self.channel = channel
        self.context: contextvars.Context | None = dispatcher.context.copy()
        self._lock = Lock()

    # -- what is filed -------------------------------------------------------------------------------------

    def file_socket(self, message: Message, size: int, behind: Message | None = None) -> bool:
        """File a message of the socket, of `size` bytes. False: the mailbox is full, stop reading until `resume`.

        - `behind`: belongs to the message and follows it, even if the connection ends in the call with it.
        """
        with self._lock:
            if self.phase:
                return True
            if self.running:
                queue = self._socket
                if queue is None:
                    queue = self._socket = []
                queue.append((message, size))
                if behind is not None:
                    queue.append((behind, 0))
                self._socket_bytes += size
                bound = self.dispatcher.mailbox
                self._full = (
                    len(queue) - self._urgent >= bound.socket_messages or self._socket_bytes >= bound.socket_bytes
                )
                return not self._full
            if behind is not None:
                self._socket = [(behind, 0)]
            self.running = True
        self.dispatcher.runtime.start(self, message)
        return True

    def file_control(self, message: Message) -> None:
        """File a `server.*` message: behind the socket's messages, before the layer's, outside the bound."""
        with self._lock:
            if self.phase:
                return
            if self.running:
                if self._socket is None:
                    self._socket = []
                self._socket.append((message, 0))
                self._urgent += 1
                return
            self.running = True
        self.dispatcher.runtime.start(self, message)

    def file_layer(self, message: Message) -> None:
        """File a message of the layer; one that finds the mailbox full is counted in a `layer.gap` instead."""
        with self._lock:
            if self.phase:
                return
            if self.running:
                self._queue_layer(message)
                return
            self.running = True
        self.dispatcher.runtime.start(self, message)

    def _queue_layer(self, message: Message) -> None:
        queue = self._layer
        if queue is None:
            queue = self._layer = []
        if message["type"] == "layer.gap":
            _queue_gap(queue, message)
            return
        if self._overflow is not None:
            self._overflow["dropped"] += 1
            return
        size = size_of(message)
        bound = self.dispatcher.mailbox
        too_large = self._layer_bytes + size > bound.layer_bytes and self._layer_bytes > 0
        if too_large or self._layer_count >= bound.layer_messages:
            self._overflow = {"type": "layer.gap", "reason": "overflow", "dropped": 1}
            queue.append((self._overflow, 0))
            return
        queue.append((message, size))
        self._layer_bytes += size
        self._layer_count += 1

    def finish(self, message: Message) -> None:
        """File the terminal message, last; what the layer has queued is discarded. Further calls do nothing."""
        with self._lock:
            if self.phase:
                return
            self.phase = Phase.ENDING
            self._layer = None
            self._overflow = None
            if self.running:
                self._terminal = message
                return
            self.phase = Phase.LAST
            self.running = True
        self.dispatcher.runtime.start(self, message)

    # -- what is taken -------------------------------------------------------------------------------------

    def take(self, *, last: bool = True) -> Message | None:
        """The next message for the consumer; `None` when there is none, and then, if `last`, the pump must stop."""
        resume = False
        with self._lock:
            socket, layer = self._socket, self._layer
            if socket and (self._from_layer or self._urgent or not layer):
                message, size = socket.pop(0)
                self._from_layer = False
                self._socket_bytes -= size
                if self._urgent and message["type"].startswith("server."):
                    self._urgent -= 1
                if self._full:
                    bound = self.dispatcher.mailbox
                    self._full = (
                        len(socket) - self._urgent >= bound.socket_messages or self._socket_bytes >= bound.socket_bytes
                    )
                    resume = not self._full
            elif layer:
                message = self._take_layer(layer)
            elif self._terminal is not None:
                message, self._terminal = self._terminal, None
                self.phase = Phase.LAST
            else:
                if last:
                    self.running = False
                return None
        if resume:
            self.dispatcher.runtime.on_loop(self.exchange.resume)
        return message

    def _take_layer(self, queue: list[tuple[Message, int]]) -> Message:
        message, size = queue.pop(0)
        self._from_layer = True
        if message["type"] == "layer.gap":
            return message
        self._layer_bytes -= size
        self._layer_count -= 1
        if self._overflow is not None:
            bound = self.dispatcher.mailbox
            if self._layer_count * 2 <= bound.layer_messages and self._layer_bytes * 2 <= bound.layer_bytes:
                self._overflow = None
        return message

    # -- the calls -----------------------------------------------------------------------------------------

    async def pump(self, message: Message | None) -> None:
        """Call the consumer with `message` and what else is filed, one at a time, until nothing is."""
        exchange = self.exchange
        while message is not None:
            try:
                consumer = self.consumer
                if consumer is None:
                    consumer = self._create()
                await consumer(message)
                self.cancelling = False
            except BaseException as error:
                if self.in_thread or self.dispatcher.runtime.must_propagate(error):
                    raise  # a call in a thread cannot be cancelled: only the end of the loop does that to its pump
                self._raised(error)
            if message is exchange.waiting:
                exchange.returned()
            message = self.take()
        if self.phase is Phase.LAST:
            await self._end()

    def _create(self) -> Callable[[Message], Awaitable[None]]:
        dispatcher, exchange = self.dispatcher, self.exchange
        view = dispatcher.view(self)
        consumer: Callable[[Message], Awaitable[None]] = dispatcher.application(
            exchange.type, view, self.channel, exchange.send
        )
        if not callable(consumer):
            raise TypeError(
                f"the application returned {consumer!r}: expected a consumer, a callable that takes one message"
            )
        exchange.started = True
        self.consumer = consumer
        return consumer

    def _raised(self, error: BaseException) -> None:
        """The application or a call raised: end the connection, unless it was the connection that ended the call."""
        if self.cancelling:
            self.cancelling = False
            return
        if isinstance(error, ConnectionEnded) and error.exchange is self.exchange:
            return
        self._log(error)
        if self.phase is Phase.LAST:
            return
        with self._lock:
            self._socket = self._layer = self._overflow = None
            self._socket_bytes = self._layer_bytes = self._layer_count = self._urgent = 0
        self.exchange.failed()
        if self.consumer is None:
            with self._lock:
                self._terminal = None
                self.phase = Phase.LAST

    def _log(self, error: BaseException) -> None:
        call = self.consumer
        if isinstance(error, TypeError) and call is not None and _is_of_the_await(error):
            error.add_note(
                "CON-017: a consumer of an application whose `is_async` is true, or absent under this asynchronous "
                "server, must be called with `await`: use `async def`, or set `is_async = False` on the application"
            )
        what = "application" if call is None else "consumer"
        logger.error(
            "the %s of %s raised %s: its connection is ended",
            what,
            self.channel,
            type(error).__name__,
            exc_info=error,
        )

    async def _end(self) -> None:
        self.phase = Phase.ENDED
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        # The consumer holds `send`, which holds the exchange, which holds this: cut, no garbage collector is needed.
        self.consumer = None
        self.context = None
        await self.dispatcher.ended(self)

    # -- time ----------------------------------------------------------------------------------------------

    def wake_after(self, seconds: float | None) -> None:
        """File `server.wake` once, in `seconds`; replaces an earlier wish, `None` cancels it (SRV-020 to SRV-024)."""
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        with self._lock:
            if self._urgent and self._socket:
                left = [entry for entry in self._socket if entry[0]["type"] != "server.wake"]
                self._urgent -= len(self._socket) - len(left)
                self._socket = left
        if seconds is not None and not self.phase:
            self._wake = self.dispatcher.runtime.later(min(seconds, _LONGEST), self._woken)

    def _woken(self) -> None:
        self._wake = None
        self.file_control({"type": "server.wake"})

    def tick(self, now: float) -> None:
        """Look at the clock (seconds, monotonic): a call that outlived its connection by `grace` is cancelled."""
        if not self.phase or not self.running or self.phase is Phase.ENDED:
            return
        if self._deadline is None:
            self._deadline = now + self.dispatcher.settings.grace
        elif now >= self._deadline:
            self._deadline = None
            self.expire()

    def expire(self) -> None:
        """Cancel the running call; a synchronous one cannot be cancelled, it is reported and keeps its place."""
        if self.in_thread:
            if not self._reported:
                self._reported = True
                logger.warning(
                    "a synchronous call of %s goes on after its connection ended: it keeps its place", self.channel
                )
            return
        logger.warning("a call of %s outlived its connection by the grace time: it is cancelled", self.channel)
        self.cancelling = True
        self.dispatcher.runtime.cancel(self)


def _queue_gap(queue: list[tuple[Message, int]], gap: Message) -> None:
    """Gaps stand outside the bound, so neighbours of one reason become one, if an exact number stays exact."""
    if queue:
        last = queue[-1][0]
        if last["type"] == "layer.gap" and last["reason"] == gap["reason"]:
            before, more = last["dropped"], gap["dropped"]
            if before is None and more is None:
                return
            if before is not None and more is not None:
                last["dropped"] = before + more
                return
    queue.append((dict(gap), 0))


def _is_of_the_await(error: BaseException) -> bool:
    """Whether it was raised by awaiting what a call returned, in the pump itself, not by anything in the call."""
    return error.__traceback__ is not None and error.__traceback__.tb_next is None

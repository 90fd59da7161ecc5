"""Servers that call applications and consumers wrongly."""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import logging
from typing import Any

from seaway.conformance.zoo.servers.mutants import breaks
from seaway.reference import runner as runners
from seaway.reference import views
from seaway.reference.core import ServerCore
from seaway.reference.dispatcher import Dispatcher
from seaway.reference.protocols import exchange, websocket_state
from seaway.reference.runner import ConnectionEnded, Phase, Runner
from seaway.spec.values import normalise

logger = logging.getLogger("seaway.server")


@breaks("CON-001")
def five_arguments() -> None:
    """The application is called with a fifth argument."""
    init = ServerCore.__init__

    def changed(self: ServerCore, application: Any, *rest: Any) -> None:
        def more(*arguments: Any) -> Any:
            return application(*arguments, None)

        more.__dict__.update(application.__dict__)
        init(self, more, *rest)

    ServerCore.__init__ = changed  # type: ignore[method-assign, assignment]


@breaks("CON-025", "CON-027", "LAY-070")
def used_channels() -> None:
    """A channel is given again once its consumer has ended."""
    free: list[int] = []
    begin, ended = Dispatcher.begin, Dispatcher.ended

    def changed(self: Dispatcher, exchange: Any) -> Any:
        numbers = self._numbers
        if free:
            self._numbers = iter([heapq.heappop(free)])  # type: ignore[assignment]
        try:
            return begin(self, exchange)
        finally:
            self._numbers = numbers

    async def freed(self: Dispatcher, runner: Runner) -> None:
        await ended(self, runner)
        heapq.heappush(free, int(runner.channel.partition("!")[2]))

    Dispatcher.begin, Dispatcher.ended = changed, freed  # type: ignore[method-assign]


@breaks("CON-027", "CON-026", "CON-023", "LAY-069", "LAY-070")
def channels_stay() -> None:
    """The channel of a consumer that has ended is not closed."""

    async def ended(self: Dispatcher, runner: Runner) -> None:
        del self.runners[runner.channel]

    Dispatcher.ended = ended  # type: ignore[method-assign]


@breaks("CON-022")
def anybodys_channel() -> None:
    """A consumer puts any channel into a group."""
    views._View._own = lambda self, name, channel: None  # type: ignore[method-assign]


@breaks("CON-021")
def nothing_is_withheld() -> None:
    """What a view withholds is simply not there."""
    views._WITHHELD.clear()


@breaks("CON-023")
def late_members() -> None:
    """A consumer that has ended joins a group."""
    views.LayerView._alive = lambda self: None  # type: ignore[method-assign]


@breaks("CON-034")
def fresh_contexts() -> None:
    """Each call has a context of its own."""

    def context(self: Runner) -> contextvars.Context:
        return self.dispatcher.context.copy()

    Runner.context = property(context, lambda self, value: None)  # type: ignore[assignment]


WAKING = ("CON-026", "CON-032", "CON-033", "CON-048", "CON-049", "CON-052", "CON-077", "HTTP-048", "LIF-012")
"""What tests are about in which a consumer is woken, beside the waking."""


@breaks("CON-030", *WAKING, "SRV-019", "SRV-023", "SRV-024", "SRV-025")
def woken_beside() -> None:
    """A consumer is woken beside a call that runs."""
    tasks: set[Any] = set()

    def woken(self: Runner) -> None:
        self._wake = None
        if self.running and self.consumer is not None:
            task = asyncio.ensure_future(self.consumer({"type": "server.wake"}))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        else:
            self.file_control({"type": "server.wake"})

    Runner._woken = woken  # type: ignore[method-assign]


@breaks("CON-033")
def the_layer_first() -> None:
    """While the layer has a message the socket's wait."""
    take = Runner.take

    def changed(self: Runner, *, last: bool = True) -> Any:
        self._from_layer = self._from_layer and not self._layer
        return take(self, last=last)

    Runner.take = changed  # type: ignore[method-assign]


ENDS = ("CON-046", "CON-048", "CON-049", "CON-050", "CON-051", "CON-052", "CON-053", "CON-055", "CON-058", "HTTP-018")
"""What tests of an end are about: each waits for the terminal message, and for nothing behind it."""


@breaks("CON-047", *ENDS)
def ended_twice() -> None:
    """The terminal message is given twice."""
    finish, end = Runner.finish, Runner._end
    given: dict[Runner, Any] = {}
    tasks: set[Any] = set()

    def finished(self: Runner, message: Any) -> None:
        given.setdefault(self, message)
        finish(self, message)

    async def ended(self: Runner) -> None:
        consumer, message = self.consumer, given.pop(self)
        await end(self)
        if consumer is not None and message["type"].endswith(".disconnect"):
            task = asyncio.ensure_future(consumer(dict(message)))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    Runner.finish, Runner._end = finished, ended  # type: ignore[method-assign]


@breaks("CON-052", "CON-046", "CON-055", "WS-008", "WS-038")
def nothing_is_discarded() -> None:
    """After an exception what waits is given all the same."""

    def raised(self: Runner, error: BaseException) -> None:
        if self.cancelling or (isinstance(error, ConnectionEnded) and error.exchange is self.exchange):
            self.cancelling = False
            return
        self._log(error)
        if self.phase is Phase.LAST:
            return
        self.exchange.failed()
        if self.consumer is None:
            self._terminal = None
            self.phase = Phase.LAST

    Runner._raised = raised  # type: ignore[method-assign]


@breaks("CON-055", "CON-046", "CON-052", "CON-056", "CON-057")
def cancelled_is_no_error() -> None:
    """A CancelledError of a consumer's own is taken for a return."""
    raised = Runner._raised

    def changed(self: Runner, error: BaseException) -> None:
        if not isinstance(error, asyncio.CancelledError):
            raised(self, error)

    Runner._raised = changed  # type: ignore[method-assign]


@breaks("CON-056")
def no_traceback() -> None:
    """An exception is logged without its traceback."""

    def log(self: Runner, error: BaseException) -> None:
        note = " ".join(getattr(error, "__notes__", ()))
        if isinstance(error, TypeError):
            note += " (CON-017)"
        logger.error("the consumer of %s raised %s: %s%s", self.channel, type(error).__name__, error, note)

    Runner._log = log  # type: ignore[method-assign]


@breaks("CON-058")
def own_sends_are_errors() -> None:
    """What a consumer's own send raised after the end is logged as an error."""

    class Other(ConnectionError):  # noqa: N818 - it stands in the place of one that is named for a condition
        pass

    runners.ConnectionEnded = Other  # type: ignore[misc, assignment]


@breaks("CON-060", "CON-059", "CON-054", "CON-061", "SRV-033")
def half_the_grace() -> None:
    """A call is cancelled when half of its grace has passed."""
    tick = Runner.tick

    def changed(self: Runner, now: float) -> None:
        begins = self._deadline is None
        tick(self, now)
        if begins and self._deadline is not None:
            self._deadline -= self.dispatcher.settings.grace / 2

    Runner.tick = changed  # type: ignore[method-assign]


@breaks("CON-066", "HTTP-026", "HTTP-027", "CON-067")
def a_second_response_is_swallowed() -> None:
    """A message after the response is complete is taken and thrown away."""
    emit = exchange.HTTPExchange.emit

    def changed(self: Any, message: Any) -> None:
        if self.state != exchange.COMPLETE or message.get("type") == "server.wake":
            emit(self, message)

    exchange.HTTPExchange.emit = changed  # type: ignore[method-assign]


@breaks("CON-029")
def early_sends() -> None:
    """What is sent in the application call is thrown away without a word."""
    emit = exchange.HTTPExchange.emit

    def changed(self: Any, message: Any) -> None:
        if self.state != exchange.NEW:
            emit(self, message)

    exchange.HTTPExchange.emit = changed  # type: ignore[method-assign]


@breaks("WS-016", "CON-051", "CON-058", "CON-065", "SRV-025", "WS-010", "WS-015", "WS-026")
def sends_to_nobody() -> None:
    """What is sent to a WebSocket that has ended is thrown away without a word."""
    emit = websocket_state.WebSocketState.emit

    def changed(self: Any, message: Any) -> None:
        if not self._ended:
            emit(self, message)

    websocket_state.WebSocketState.emit = changed  # type: ignore[method-assign]


@breaks("MSG-012", "MSG-013", "MSG-027", "SEC-012", "WS-015", "WS-018")
def nameless_errors() -> None:
    """The errors of send name no requirement."""
    from seaway.spec.errors import InvalidMessage

    InvalidMessage.__str__ = lambda self: "that is no good"  # type: ignore[method-assign]


@breaks("MSG-011", *(f"MSG-0{number:02}" for number in range(1, 14) if number != 11))
def unknown_keys_are_free() -> None:
    """The values of keys that a type does not know are not looked at."""

    def message_type(message: Any) -> str:
        if isinstance(message, dict) and isinstance(message.get("type"), str):
            return str(message["type"])
        return str(normalise(message)["type"])

    exchange.message_type = message_type
    setattr(websocket_state, "message_type", message_type)  # noqa: B010 - it is imported there

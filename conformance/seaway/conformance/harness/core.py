"""The little server inside a harness: the consumers that live, the layer's messages for them, and when all are idle.

Rules of this module: one event loop. It never sleeps: it waits for what the consumers do, and real time only bounds how
long it waits for a call that does not return.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Coroutine
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import anyio
from anyio.from_thread import BlockingPortal
from attrs import define

from seaway.conformance.harness.clock import Clock
from seaway.conformance.harness.connection import Connection
from seaway.conformance.harness.limits import Limits
from seaway.conformance.harness.memory import HarnessLayer
from seaway.conformance.harness.views import ThreadedLayer
from seaway.spec import RESERVED_PREFIXES

Message = dict[str, Any]
T = TypeVar("T")

_ECHO = "seaway_harness.echo"  # what the harness sends to itself, behind everything that was sent before
_LOOKS, _LOOK = 20, 0.05  # how often, and how many seconds each, it looks for who hangs: only the text needs it


@define
class Failure:
    """An exception out of a consumer. `is_known`: the test has seen it."""

    error: BaseException
    connection: Connection
    where: str
    is_known: bool = False

    def __str__(self) -> str:
        return f"out of the consumer of {self.connection}, {self.where}"


class Core:
    """The consumers of one application.

    Args:
        application: of either flavour.
        layer: an open layer of either flavour, or ``None`` for one of its own.
        limits: as of a server.
        clock: for everything that takes time.
        deadline: real seconds to wait for a call that does not return.
        patience: real seconds to wait for what a consumer does outside its calls.
    """

    def __init__(
        self, application: Any, layer: Any, limits: Limits, clock: Clock, deadline: float, patience: float
    ) -> None:
        self.application = application
        self.is_async = bool(getattr(application, "is_async", True))
        types = getattr(application, "types", ("http", "websocket"))
        if isinstance(types, str) or not isinstance(types, Collection):
            raise TypeError(f"application.types: expected a collection of types, got {types!r} (CON-007)")
        self.types = frozenset(types)
        self.limits = limits
        self.clock = clock
        self.deadline = deadline
        self.patience = patience
        self.connections: dict[str, Connection] = {}
        self.failures: list[Failure] = []
        self.is_closing = False
        self._given_layer = layer
        self._numbers = itertools.count(1)
        self._changes = 0
        self._wakes: Counter[str] = Counter()  # by consumer channel
        self._changed = anyio.Event()
        self._echoes: set[str] = set()
        self._inbox = ""
        self._stack: AsyncExitStack

    # Its life

    async def start(self) -> None:
        """Open the inbox, and begin to take messages from it."""
        given = self._given_layer
        if given is None:
            self.layer: Any = HarnessLayer(self.clock)
        else:
            self.layer = given if given.is_async else ThreadedLayer(given)
        stack = AsyncExitStack()
        self._portal = await stack.enter_async_context(BlockingPortal())
        stack.push_async_callback(self._close_inbox)
        self._tasks = await stack.enter_async_context(anyio.create_task_group())
        try:
            self._inbox = await self.layer.new_channel("server!")
        except BaseException:
            await stack.aclose()
            raise
        self._stack = stack
        self._tasks.start_soon(self._receive)
        self.clock.attach(self.settle_for_time)

    async def stop(self) -> None:
        """End what is left. What does not end is cancelled."""
        self.is_closing = True
        self.clock.detach(self.settle_for_time)
        self._tasks.cancel_scope.cancel()
        await self._portal.stop(cancel_remaining=True)
        await self._stack.aclose()

    async def _close_inbox(self) -> None:
        with anyio.CancelScope(shield=True):
            if self._inbox:
                await self.layer.close_channel(self._inbox)

    def spawn(self, function: Callable[..., Coroutine[Any, Any, Any]], *arguments: Any) -> None:
        """Run *function* beside the test."""
        self._tasks.start_soon(function, *arguments)

    def from_thread(self, function: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        """Run *function* on the event loop, for another thread. `RuntimeError` on the loop's own (CON-071)."""
        return self._portal.call(function, *arguments)

    # Consumers

    def new_channel(self) -> str:
        """Return a consumer channel that nobody has had."""
        return f"{self._inbox}{next(self._numbers)}"

    def begin(self, connection: Connection) -> None:
        """Let *connection* live."""
        self.connections[connection.channel] = connection
        connection.begin()
        self.tell()

    async def let_go(self, connection: Connection) -> None:
        """The consumer of *connection* has ended (CON-027)."""
        try:
            await self.layer.close_channel(connection.channel)
        finally:
            self.connections.pop(connection.channel, None)
            self.tell()

    def failed(self, connection: Connection, error: BaseException, where: str) -> None:
        """An exception has come out of a consumer (CON-056)."""
        self.failures.append(Failure(error, connection, where))

    # The layer

    async def _receive(self) -> None:
        while True:
            channel, message = await self.layer.receive([self._inbox])
            self._file(channel, message)

    def _file(self, channel: str, message: Message) -> None:
        kind = message["type"]
        if kind == _ECHO:
            self._echoes.discard(message["echo"])
            self._changed.set()
        elif channel == self._inbox:
            if kind == "layer.gap":
                for one in list(self.connections.values()):
                    one.file_layer({**message, "dropped": None})
        elif (connection := self.connections.get(channel)) is not None:
            own = f"{connection.type}."
            if kind == "layer.gap" or not kind.startswith((*RESERVED_PREFIXES, own)):
                connection.file_layer(message)

    def woken(self, connection: Connection) -> None:
        """The consumer of *connection* is given the ``server.wake`` that it has asked for."""
        self._wakes[connection.channel] += 1

    # When all are idle

    def tell(self) -> None:
        """Something has changed."""
        self._changes += 1
        self._changed.set()

    async def settle(self) -> None:
        """Return when all consumers are idle and nothing is on its way to one.

        Raises:
            AssertionError: a call has not returned within the deadline.
        """
        await self._until(lambda: False, "all consumers to become idle", None)

    async def settle_for_time(self) -> None:
        """As `settle`; a call that goes on although its connection has ended is left to its time (CON-059)."""
        await self._until(lambda: False, "all consumers to become idle", None, lets_late_calls=True)

    async def expect(self, ready: Callable[[], bool], expected: str, connection: Connection) -> None:
        """Return when *ready* says so.

        Raises:
            AssertionError: all are idle and it does not, or a call has not returned within the deadline. Its cause
                is an exception out of that consumer, if there is one.
        """
        if not await self._until(ready, expected, connection):
            raise self.failure(expected, connection, "nothing more will happen: all consumers are idle")

    def failure(self, expected: str, connection: Connection, why: str) -> AssertionError:
        """Return what a failed expectation raises."""
        text = f"expected {expected}, but {why}\n{connection} ({connection.state}):\n{connection.transcript}"
        error = AssertionError(text)
        for one in self.failures:
            if one.connection is connection and not one.is_known:
                one.is_known = True
                error.__cause__ = one.error
        return error

    async def _until(
        self,
        ready: Callable[[], bool],
        expected: str,
        connection: Connection | None,
        *,
        lets_late_calls: bool = False,
    ) -> bool:
        """Return whether *ready* became true before all were idle."""
        wakes = self._wakes.copy()
        with anyio.move_on_after(self.deadline) as scope:
            while not ready():
                if not await self._nothing_happens(lets_late_calls):
                    continue
                if connection is None or not self.patience or not await self._change(self.patience):
                    return ready()
            return True
        assert scope.cancelled_caught
        raise await self._too_late(expected, connection, self._wakes - wakes)

    async def _too_late(self, expected: str, connection: Connection | None, wakes: Counter[str]) -> AssertionError:
        """Return what a wait raises that has taken too long; *wakes*: who was woken meanwhile, and how often."""
        after = f"after {self.deadline:g} seconds"
        busy = await self._busy_at_rest()
        for channel, count in wakes.most_common(1) if not busy else ():
            if (woken := self.connections.get(channel)) is not None:
                why = f"{woken} was woken {count} times while the clock stood still: see what it sends as server.wake"
                return self.failure(expected, woken, f"{after} there is no end: {why}")
        shown = connection if connection in busy or not busy else busy[0]
        if shown is None:
            return AssertionError(f"expected {expected}; {after} the layer has not answered")
        return self.failure(expected, shown, f"{after} it waits still")

    async def _busy_at_rest(self) -> list[Connection]:
        """Return whose calls do not return, when those that were only under way have returned."""
        for _ in range(_LOOKS):
            busy = [one for one in self.connections.values() if not one.is_idle]
            if not busy or not await self._change(_LOOK):
                break
        return busy

    async def _nothing_happens(self, lets_late_calls: bool) -> bool:
        """Wait for a change; return whether there can be none."""
        busy = [one for one in self.connections.values() if not one.is_idle]
        if busy:
            if lets_late_calls and all(one.has_ended for one in busy):
                before = self._changes
                await anyio.wait_all_tasks_blocked()
                if before == self._changes:
                    return True
            else:
                await self._change(math.inf)
            return False
        if self.clock.fire():
            return False
        before = self._changes
        await self._echo()
        return before == self._changes

    async def _change(self, patience: float) -> bool:
        """Wait for a change, *patience* seconds at most; return whether there was one."""
        if self._changed.is_set():
            self._changed = anyio.Event()
        before = self._changes
        with anyio.move_on_after(patience):
            await self._changed.wait()
        return before != self._changes

    async def _echo(self) -> None:
        """Return when every consumer has got what was sent to it so far: order makes it so (LAY-077)."""
        sent: dict[str, str] = {}
        for channel in list(self.connections):
            echo = f"{channel} {next(self._numbers)}"
            self._echoes.add(echo)
            sent[echo] = channel
            try:
                await self.layer.send(channel, {"type": _ECHO, "echo": echo})
            except (ConnectionError, self.layer.ChannelFull):
                self._echoes.discard(echo)
        while any(echo in self._echoes and channel in self.connections for echo, channel in sent.items()):
            await self._change(math.inf)
        self._echoes -= sent.keys()

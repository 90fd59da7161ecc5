"""What every server has, whatever brings it its connections: layer, consumers, lifespan, the clock, the drain."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import anyio

from seaway.layers import MemoryLayer, to_async

from .adapt import adapt_sync
from .dispatcher import Dispatcher
from .drivers import new_runtime
from .host import ServerHost
from .lifespan import Lifespan, LifespanFailed
from .runner import Phase

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AsyncExitStack

    from .settings import Settings

__all__ = ["ServerCore", "check_interface", "shielded"]

_CLOSES_PER_SECOND = 200  # how fast a few WebSockets are closed at a drain; many are spread over the grace time
_INTERFACE = "1.0"  # the version that is served
_LAST_WORD = 2.0  # seconds for the consumers' last calls once the grace time is over


def check_interface(layer: Any) -> None:
    """Check that `layer` is of the major version that this server serves. `ValueError`: of another (VER-003)."""
    interface = str(layer.interface)
    if interface.partition(".")[0] != _INTERFACE.partition(".")[0]:
        raise ValueError(
            f"the layer {type(layer).__name__} has interface {interface}, this server {_INTERFACE}: "
            "another major version, whose messages may mean something else (VER-003); give a layer of the same"
        )


class ServerCore:
    """An application and its layer, opened into the exit stack of who brings the connections.

    - `application`: as the specification says; its flavour is `application.is_async` (absent: asynchronous).
    - `layer`: a layer of either flavour, which stays the caller's to close; none: a memory layer of its own.

    `TypeError` for what is no application, `ValueError` for a layer of another major version.
    """

    def __init__(self, application: Callable[..., Any], layer: Any, settings: Settings) -> None:
        if not callable(application):
            raise TypeError(f"an application is a callable that makes consumers, not {application!r}")
        types = getattr(application, "types", ("http", "websocket"))
        if isinstance(types, str) or not isinstance(types, Collection):
            raise TypeError(f"application.types: expected a collection of types, got {types!r} (CON-007)")
        if layer is not None:
            check_interface(layer)
        self.types = frozenset(types)
        self.settings = settings
        self.hurried = False
        self.dispatcher: Dispatcher
        self.host: ServerHost
        self._application = application if getattr(application, "is_async", True) else adapt_sync(application)
        self._layer = layer
        self._lifespan: Lifespan | None = None

    # -- its life ------------------------------------------------------------------------------------------

    async def open(self, stack: AsyncExitStack, stop: Callable[[], object]) -> None:
        """Everything that is to be undone at the end, in the order in which it is to be undone last.

        `stop` is called when the lifespan consumer raises after its startup (LIF-010). `StartupFailed` if the
        application cannot start, `ConnectionError` if the layer has no broker.
        """
        runtime = new_runtime(self.settings.threads)
        stack.callback(runtime.threads.close)
        layer = self._layer if self._layer is not None else await stack.enter_async_context(MemoryLayer())
        if not layer.is_async:
            layer = to_async(layer)
        dispatcher = self.dispatcher = Dispatcher(self._application, layer, self.settings, runtime)
        self.host = ServerHost(dispatcher, self.types)
        await dispatcher.open()
        stack.push_async_callback(shielded, dispatcher.close)
        tasks = await stack.enter_async_context(anyio.create_task_group())
        stack.callback(tasks.cancel_scope.cancel)
        tasks.start_soon(dispatcher.receive)
        tasks.start_soon(self._sweep)
        if "lifespan" in self.types:
            self._lifespan = Lifespan(dispatcher, stop)
            await self._lifespan.startup()
            stack.push_async_callback(shielded, self._lifespan.shutdown)

    def raise_for_lifespan(self) -> None:
        """`LifespanFailed` if the lifespan consumer raised."""
        if self._lifespan is not None and self._lifespan.raised:
            raise LifespanFailed(
                "the application's lifespan consumer raised: the server has stopped (LIF-010)"
            ) from self._lifespan.cause

    async def drain(self) -> None:
        """Tell every consumer, let work finish for `grace` seconds (not if `hurried`), then end what is left."""
        host, dispatcher = self.host, self.dispatcher
        grace = self.settings.grace
        message = {"type": "server.drain", "reason": "shutdown", "grace": grace}
        host.draining = message
        for connection in list(host.connections):
            connection.retire()
        for runner in list(dispatcher.runners.values()):
            runner.file_control(dict(message))
        deadline = anyio.current_time() + (0 if self.hurried else grace)
        await self._close_websockets(deadline)
        await self._until(lambda: not self._busy() or self.hurried, deadline)
        for runner in self._alive():
            runner.exchange.end(1012, 503)
        await self._until(lambda: not self._busy(), anyio.current_time() + _LAST_WORD)
        for runner in self._alive():
            runner.expire()
        await self._until(lambda: not self._busy() and not host.connections, anyio.current_time() + _LAST_WORD)
        for connection in list(host.connections):
            connection.transport.abort()
        await dispatcher.runtime.settle()

    def stuck(self) -> list[str]:
        """The channels of the consumers whose asynchronous call ignores its cancellation."""
        return [runner.channel for runner in self._alive() if runner.running and not runner.in_thread]

    # -- its parts -----------------------------------------------------------------------------------------

    async def _sweep(self) -> None:
        interval = self.settings.resolution
        while True:
            await anyio.sleep(interval)
            self.host.tick(self.dispatcher.runtime.now())

    async def _close_websockets(self, deadline: float) -> None:
        """Close them with 1012, each once its consumer is idle: a few at once, many spread over the grace time."""
        waiting = self._websockets()
        left = deadline - anyio.current_time()
        batch = max(math.ceil(len(waiting) * 0.05 / left), math.ceil(_CLOSES_PER_SECOND * 0.05)) if left > 0 else 0
        while waiting and anyio.current_time() < deadline and not self.hurried:
            idle = [runner for runner in waiting if not runner.running and runner.exchange.is_open]
            for runner in idle[:batch]:
                runner.exchange.end(1012, 503)
            waiting = self._websockets()
            if waiting:
                await anyio.sleep(0.05)

    def _websockets(self) -> list[Any]:
        return [runner for runner in self._alive() if runner.exchange.type == "websocket" and not runner.phase]

    async def _until(self, done: Callable[[], bool], deadline: float) -> None:
        while not done() and anyio.current_time() < deadline:
            await anyio.sleep(0.01)

    def _alive(self) -> list[Any]:
        runners = self.dispatcher.runners.values()
        return [runner for runner in runners if runner.exchange.type != "lifespan" and runner.phase < Phase.ENDED]

    def _busy(self) -> bool:
        return bool(self._alive()) or any(connection.busy for connection in self.host.connections)


async def shielded(end: Callable[[], Awaitable[None]]) -> None:
    """Await `end()`: each end has its own bound in time, so a cancelled body must not cut it short."""
    with anyio.CancelScope(shield=True):
        await end()

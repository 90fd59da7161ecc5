"""The server: sockets, layer, lifespan and consumers put together, started, drained and stopped."""

from __future__ import annotations

import logging
import math
import os
import signal
from contextlib import AsyncExitStack, ExitStack
from typing import TYPE_CHECKING, Any

import anyio
from anyio.from_thread import start_blocking_portal

from seaway.layers import MemoryLayer, to_async

from .adapt import adapt_sync
from .dispatcher import Dispatcher
from .drivers import asyncio_options, new_runtime
from .host import ServerHost
from .lifespan import Lifespan, LifespanFailed
from .protocols.http1 import HTTP1Connection
from .runner import Phase
from .settings import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType
    from typing import Self

    from .drivers.runtime import Listener

__all__ = ["Server", "serve"]

logger = logging.getLogger("seaway.server")
_CLOSES_PER_SECOND = 200  # how fast a few WebSockets are closed at a drain; many are spread over the grace time
_LAST_WORD = 0.5  # seconds for the consumers' last calls once the grace time is over


class Server:
    """An application on a socket: `async with Server(application, port=0) as server: server.url`.

    On the event loop that runs it: asyncio, uvloop or trio. `with` runs it in a thread of its own, on asyncio, for a
    script or a test. Leaving either drains: consumers get `server.drain`, and up to `settings.grace` seconds to end.

    - `application`: as the specification says; its flavour is `application.is_async` (absent: asynchronous).
    - `layer`: a layer of either flavour, which stays the caller's to close; none: a memory layer of its own.
    - `host`, `port`: a TCP address, port 0 for a free one; `uds`: the path of a Unix socket instead.

    Entering raises `OSError` if the address cannot be had, `StartupFailed` if the application cannot start, and
    `ConnectionError` if the layer has no broker.
    """

    def __init__(
        self,
        application: Callable[..., Any],
        *,
        layer: Any = None,
        host: str = "127.0.0.1",
        port: int = 8000,
        uds: str | None = None,
        settings: Settings | None = None,
    ) -> None:
        if not callable(application):
            raise TypeError(f"an application is a callable that makes consumers, not {application!r}")
        types = getattr(application, "types", None) or ("http", "websocket")
        if isinstance(types, str):
            raise TypeError(f"application.types: expected a collection of types, got the string {types!r} (CON-007)")
        self._types = frozenset(types)
        self._application = application if getattr(application, "is_async", True) else adapt_sync(application)
        self._layer = layer
        self._host, self._port, self._uds = host, port, uds
        self.settings = settings or Settings()
        self._stack: AsyncExitStack | None = None
        self._thread: ExitStack | None = None
        self._listener: Listener | None = None
        self._lifespan: Lifespan | None = None
        self._entered = False
        self._now = False

    # -- what it says --------------------------------------------------------------------------------------

    @property
    def address(self) -> tuple[str, int] | str:
        """Host and port, or the path of the Unix socket. `RuntimeError` before the server listens."""
        if self._listener is None:
            raise RuntimeError("the server does not listen yet: enter it with `async with` or `with`")
        return self._listener.address

    @property
    def url(self) -> str:
        """Its address for a browser, host and port included."""
        address = self.address
        if isinstance(address, str):
            return f"http+unix://{address.replace('/', '%2F')}"
        host = f"[{address[0]}]" if ":" in address[0] else address[0]
        return f"http://{host}:{address[1]}"

    @property
    def listens(self) -> bool:
        """Whether it has been started."""
        return self._listener is not None

    # -- its life ------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        if self._entered:
            raise RuntimeError("this server has been started before: make a new one")
        self._entered = True
        stack = AsyncExitStack()
        try:
            await self._start(stack)
        except BaseException:
            await stack.aclose()
            raise
        self._stack = stack
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._stack is not None
        await self._stack.aclose()
        if self._lifespan is not None and self._lifespan.raised and error is None:
            raise LifespanFailed(
                "the application's lifespan consumer raised: the server has stopped (LIF-010)"
            ) from self._lifespan.cause

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            portal = stack.enter_context(start_blocking_portal("asyncio", asyncio_options()))
            stack.enter_context(portal.wrap_async_context_manager(self))
            self._thread = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._thread is not None
        self._thread.__exit__(kind, error, trace)

    def stop(self) -> None:
        """End `serving`; a second time, cut the drain short (SRV-008, SRV-009). On the server's own loop."""
        self._now = self._stopping.is_set()
        self._stopping.set()

    def abandon(self) -> None:
        """End the process if a call ignores its cancellation: the event loop would wait for it for ever (SRV-017)."""
        if not self.listens:
            return
        stuck = [runner.channel for runner in self._alive() if runner.running and not runner.in_thread]
        if stuck:
            logger.critical("the process ends without the calls that ignore their cancellation: %s", ", ".join(stuck))
            logging.shutdown()
            os._exit(1)

    async def serving(self) -> None:
        """Return when somebody calls `stop`, or the lifespan consumer raises."""
        await self._stopping.wait()

    # -- its parts -----------------------------------------------------------------------------------------

    async def _start(self, stack: AsyncExitStack) -> None:
        """Everything that is to be undone at the end, in the order in which it is to be undone last."""
        self._stopping = anyio.Event()
        runtime = new_runtime(self.settings.threads)
        stack.callback(runtime.threads.close)
        layer = self._layer if self._layer is not None else await stack.enter_async_context(MemoryLayer())
        if not layer.is_async:
            layer = to_async(layer)
        dispatcher = self._dispatcher = Dispatcher(self._application, layer, self.settings, runtime)
        self._server_host = ServerHost(dispatcher, self._types)
        await dispatcher.open()
        stack.push_async_callback(_shielded, dispatcher.close)
        tasks = await stack.enter_async_context(anyio.create_task_group())
        stack.callback(tasks.cancel_scope.cancel)
        tasks.start_soon(dispatcher.receive)
        tasks.start_soon(self._sweep)
        if "lifespan" in self._types:
            self._lifespan = Lifespan(dispatcher, self._stopping.set)
            await self._lifespan.startup()
            stack.push_async_callback(_shielded, self._lifespan.shutdown)
        self._listener = await stack.enter_async_context(
            runtime.listen(self._connect, host=self._host, port=self._port, uds=self._uds)
        )
        stack.push_async_callback(_shielded, self._drain)

    def _connect(self) -> HTTP1Connection:
        return HTTP1Connection(self._server_host)

    async def _sweep(self) -> None:
        interval = self.settings.resolution
        while True:
            await anyio.sleep(interval)
            self._server_host.tick(self._dispatcher.runtime.now())

    async def _drain(self) -> None:
        """Accept nothing more, tell every consumer, let work finish for `grace` seconds, then end what is left."""
        assert self._listener is not None
        host, dispatcher = self._server_host, self._dispatcher
        grace = self.settings.grace
        await self._listener.close()
        message = {"type": "server.drain", "reason": "shutdown", "grace": grace}
        host.draining = message
        for connection in list(host.connections):
            connection.retire()
        for runner in list(dispatcher.runners.values()):
            runner.file_control(dict(message))
        deadline = anyio.current_time() + (0 if self._now else grace)
        await self._close_websockets(deadline)
        await self._until(lambda: not self._busy() or self._now, deadline)
        for runner in self._alive():
            runner.exchange.end(1012, 503)
        await self._until(lambda: not self._busy(), anyio.current_time() + _LAST_WORD)
        for runner in self._alive():
            runner.expire()
        await self._until(lambda: not self._busy() and not host.connections, anyio.current_time() + _LAST_WORD)
        for connection in list(host.connections):
            connection.transport.abort()
        await dispatcher.runtime.settle()

    async def _close_websockets(self, deadline: float) -> None:
        """Close them with 1012, each once its consumer is idle: a few at once, many spread over the grace time."""
        waiting = self._websockets()
        left = deadline - anyio.current_time()
        batch = max(math.ceil(len(waiting) * 0.05 / left), math.ceil(_CLOSES_PER_SECOND * 0.05)) if left > 0 else 0
        while waiting and anyio.current_time() < deadline and not self._now:
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
        runners = self._dispatcher.runners.values()
        return [runner for runner in runners if runner.exchange.type != "lifespan" and runner.phase < Phase.ENDED]

    def _busy(self) -> bool:
        return bool(self._alive()) or any(connection.busy for connection in self._server_host.connections)


async def _shielded(end: Callable[[], Awaitable[None]]) -> None:
    """Each end has its own bound in time, so a cancelled body must not cut it short."""
    with anyio.CancelScope(shield=True):
        await end()


def serve(
    application: Callable[..., Any],
    *,
    layer: Any = None,
    host: str = "127.0.0.1",
    port: int = 8000,
    uds: str | None = None,
    settings: Settings | None = None,
    backend: str = "asyncio",
    started: Callable[[Server], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, which drain; a second signal ends at once. Blocks; for the main thread.

    - `layer`: as of `Server`, but closed at the end: an asynchronous one belongs to the event loop that ends with it.
    - `backend`: `"asyncio"` (on uvloop if it is installed) or `"trio"`.
    - `started`: called with the server once it listens.

    Other arguments and errors: as of `Server`.
    """

    async def main() -> None:
        server = Server(application, layer=layer, host=host, port=port, uds=uds, settings=settings)
        raised: list[Exception] = []
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async with anyio.create_task_group() as tasks:

                async def watch() -> None:
                    async for _ in signals:
                        if server.listens:
                            server.stop()
                        else:
                            tasks.cancel_scope.cancel()

                tasks.start_soon(watch)
                try:
                    async with server:
                        logger.info("listening on %s", server.url)
                        if started is not None:
                            started(server)
                        await server.serving()
                except Exception as error:  # raised below, so that it is not wrapped into a group
                    raised.append(error)
                tasks.cancel_scope.cancel()
        server.abandon()
        if layer is not None:
            closing = layer.close()
            if layer.is_async:
                await closing
        if raised:
            raise raised.pop()

    options = asyncio_options() if backend == "asyncio" else {}
    anyio.run(main, backend=backend, backend_options=options)

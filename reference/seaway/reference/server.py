"""The server: a core and its sockets, started, drained and stopped."""

from __future__ import annotations

import logging
import os
import signal
from contextlib import AsyncExitStack, ExitStack
from typing import TYPE_CHECKING, Any

import anyio
from anyio.from_thread import start_blocking_portal

from .core import ServerCore, shielded
from .drivers import asyncio_options, loop_options
from .protocols.http1 import HTTP1Connection
from .settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from .drivers.runtime import Listener

__all__ = ["Server", "serve"]

logger = logging.getLogger("seaway.server")


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
        self.settings = settings or Settings()
        self._core = ServerCore(application, layer, self.settings)
        self._host, self._port, self._uds = host, port, uds
        self._stack: AsyncExitStack | None = None
        self._thread: ExitStack | None = None
        self._listener: Listener | None = None
        self._entered = False

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
        if error is None:
            self._core.raise_for_lifespan()

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
        self._core.hurried = self._stopping.is_set()
        self._stopping.set()

    def abandon(self) -> None:
        """End the process if a call ignores its cancellation: the event loop would wait for it for ever (SRV-017)."""
        if not self.listens:
            return
        stuck = self._core.stuck()
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
        core = self._core
        await core.open(stack, self._stopping.set)
        self._listener = await stack.enter_async_context(
            core.dispatcher.runtime.listen(self._connect, host=self._host, port=self._port, uds=self._uds)
        )
        stack.push_async_callback(shielded, self._drain)

    def _connect(self) -> HTTP1Connection:
        return HTTP1Connection(self._core.host)

    async def _drain(self) -> None:
        """Accept nothing more, and let what there is end."""
        assert self._listener is not None
        await self._listener.close()
        await self._core.drain()


def serve(
    application: Callable[..., Any],
    *,
    layer: Any = None,
    host: str = "127.0.0.1",
    port: int = 8000,
    uds: str | None = None,
    settings: Settings | None = None,
    backend: str | None = None,
    started: Callable[[Server], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, which drain; a second signal ends at once. Blocks; for the main thread.

    - `layer`: as of `Server`, but closed at the end: an asynchronous one belongs to the event loop that ends with it.
    - `backend`: `"asyncio"`, `"uvloop"` or `"trio"`; None: uvloop if it is installed, else asyncio.
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

    loop, options = loop_options(backend)
    anyio.run(main, backend=loop, backend_options=options)

"""`as_asgi`: a Seaway application as an ASGI 3 application, one for each process of the server in front."""

from __future__ import annotations

import contextvars
import logging
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import anyio

from ..core import ServerCore, shielded
from ..lifespan import LifespanFailed
from ..settings import Settings
from .beside import Beside
from .http import ASGIRequest
from .transport import EventTransport
from .websocket import ASGIWebSocket

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Receive = Callable[[], Awaitable[Any]]
    Send = Callable[[Any], Awaitable[None]]

__all__ = ["ASGIApplication", "as_asgi"]

logger = logging.getLogger("seaway.server")


def as_asgi(application: Callable[..., Any], layer: Any = None, *, settings: Settings | None = None) -> ASGIApplication:
    """`application`, of either flavour, as an ASGI application: for uvicorn, hypercorn, granian, daphne.

    - `layer`: a layer of either flavour, closed when the process ends; none: a memory layer of this process alone.
    - `settings`: as of `Server`; none: no access log, for the server in front has its own. What that server decides
      has no effect here: heads, keep-alive, frames.

    What ASGI does not let through is listed in the documentation. `TypeError` for what is no application.
    """
    return ASGIApplication(application, layer, settings or Settings(access_log=False))


class ASGIApplication:
    """What `as_asgi` returns. It opens at the server's lifespan, or at the first connection where there is none."""

    def __init__(self, application: Callable[..., Any], layer: Any, settings: Settings) -> None:
        self._core = ServerCore(application, layer, settings)
        self._layer = layer
        self._serves = False  # whether connections are taken
        self._has_lifespan = False
        self._alone: Beside | None = None  # what keeps the core open where the server in front has no lifespan
        self._opened: anyio.Event

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """One ASGI call. `ValueError` for a type of scope that ASGI does not define."""
        kind = scope["type"]
        if kind == "lifespan":
            self._has_lifespan = True
            await self._lifespan(receive, send)
            return
        if kind not in ("http", "websocket"):
            raise ValueError(f"as_asgi: expected a scope of type http, websocket or lifespan, got {kind!r}")
        if not self._serves and not self._has_lifespan:
            await self._open_alone()
        if not self._serves:
            await _refuse(kind, scope, receive, send)
            return
        protocol = (ASGIRequest if kind == "http" else ASGIWebSocket)(self._core.host, scope)
        await EventTransport(receive, send, protocol).run()

    # -- with the server's lifespan ------------------------------------------------------------------------

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        stopping = anyio.Event()
        try:
            async with AsyncExitStack() as stack:
                await self._open(stack, stopping.set)
                await send({"type": "lifespan.startup.complete"})
                await _shutdown_or(stopping, receive)
                asked = not stopping.is_set()
        except Exception as error:
            if not self._serves:
                await send({"type": "lifespan.startup.failed", "message": f"{type(error).__name__}: {error}"})
                return
            raise
        try:
            self._core.raise_for_lifespan()
        except LifespanFailed as error:
            logger.critical("%s; ASGI cannot stop the server in front: connections get 503", error)
            if not asked:
                await receive()
            await send({"type": "lifespan.shutdown.failed", "message": str(error)})
        else:
            await send({"type": "lifespan.shutdown.complete"})

    async def _open(self, stack: AsyncExitStack, stop: Callable[[], object]) -> None:
        stack.push_async_callback(shielded, self._close_layer)
        await self._core.open(stack, stop)
        stack.push_async_callback(shielded, self._drain)
        self._serves = True

    async def _drain(self) -> None:
        await self._core.drain()
        self._serves = False

    async def _close_layer(self) -> None:
        if self._layer is not None:
            closing = self._layer.close()
            if self._layer.is_async:
                await closing

    # -- without -------------------------------------------------------------------------------------------

    async def _open_alone(self) -> None:
        """Open at the first connection, for as long as the event loop runs. Raises what opening raised."""
        if "lifespan" in self._core.types:
            raise RuntimeError(
                "the application lists `lifespan`, and the server in front does not speak it (LIF-003): use one that "
                "does (uvicorn, hypercorn, granian), or take `lifespan` out of the application's `types`"
            )
        if self._alone is None:
            self._opened = anyio.Event()
            # Not in the context of the connection that happens to be the first.
            self._alone = contextvars.Context().run(Beside, self._stay_open)
        alone = self._alone
        await self._opened.wait()
        if not self._serves:
            self._alone = None  # the next connection tries again
            raise alone.error or RuntimeError("the event loop that as_asgi was opened on has ended")

    async def _stay_open(self) -> None:
        try:
            async with AsyncExitStack() as stack:
                await self._open(stack, lambda: None)
                self._opened.set()
                await anyio.sleep_forever()
        finally:
            self._serves = False
            self._opened.set()


async def _shutdown_or(stopping: anyio.Event, receive: Receive) -> None:
    """Return when the server in front shuts down, or `stopping` is set."""
    async with anyio.create_task_group() as tasks:

        async def stop() -> None:
            await stopping.wait()
            tasks.cancel_scope.cancel()

        tasks.start_soon(stop)
        await receive()
        tasks.cancel_scope.cancel()


async def _refuse(kind: str, scope: Any, receive: Receive, send: Send) -> None:
    """503 for a connection that comes when the application has ended."""
    body = b"503 Service Unavailable\n"
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body)), (b"retry-after", b"1")]
    prefix = "" if kind == "http" else "websocket."
    if kind == "websocket":
        await receive()
        if "websocket.http.response" not in (scope.get("extensions") or {}):
            await send({"type": "websocket.close"})
            return
    await send({"type": f"{prefix}http.response.start", "status": 503, "headers": headers})
    await send({"type": f"{prefix}http.response.body", "body": body})

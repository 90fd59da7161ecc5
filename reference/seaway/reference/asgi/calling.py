"""`from_asgi`: an ASGI 3 application as a Seaway application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .http_call import HTTPCall
from .lifespan_call import LifespanCall
from .websocket_call import WebSocketCall

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..runner import Message
    from .call import Call

__all__ = ["SeawayApplication", "from_asgi"]

_CALLS: dict[str, type[HTTPCall | LifespanCall | WebSocketCall]] = {
    "http": HTTPCall,
    "lifespan": LifespanCall,
    "websocket": WebSocketCall,
}


def from_asgi(app: Callable[..., Awaitable[None]]) -> SeawayApplication:
    """`app`, an ASGI 3 application (Starlette, FastAPI, Quart, Django), as an application for a Seaway server.

    Backpressure, disconnects, errors and time-outs are those of the specification. `TypeError` for what cannot be
    called.
    """
    if not callable(app):
        raise TypeError(f"from_asgi: expected an ASGI application, a callable, got {app!r}")
    return SeawayApplication(app)


class SeawayApplication:
    """What `from_asgi` returns: an asynchronous application for `http`, `websocket` and `lifespan`."""

    is_async = True
    types = ("http", "websocket", "lifespan")

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app
        self._state: dict[str, Any] = {}

    def __call__(
        self, type: str, channel_layer: Any, consumer_channel: str, send: Callable[[Message], Awaitable[None]]
    ) -> Call:
        """A consumer. The lifespan's begins the state anew."""
        if type == "lifespan":
            self._state = {}
        return _CALLS[type](self._app, send, self._state)

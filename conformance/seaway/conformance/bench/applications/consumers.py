"""The work as Seaway applications: `hello` (HTTP), `echo` (WebSocket), `routes` (a class behind 20 routes).

Only `routes` needs our helpers, so they are imported when it is asked for: a third party's server serves the
others without them.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from seaway.conformance.bench.applications.routes import HELLO, PATTERNS

Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]
AsyncConsumer = Callable[[Message], Awaitable[None]]

_HEADERS = [(b"content-type", b"text/plain; charset=utf-8")]


def hello(type: str, channel_layer: object, consumer_channel: str, send: Send) -> AsyncConsumer:
    """Answer each request with the same text."""

    async def consumer(message: Message) -> None:
        if message["type"] == "http.request":
            await send({"type": "http.response", "status": 200, "headers": _HEADERS, "body": HELLO})

    return consumer


def echo(type: str, channel_layer: object, consumer_channel: str, send: Send) -> AsyncConsumer:
    """Accept each WebSocket and send back each text."""

    async def consumer(message: Message) -> None:
        kind = message["type"]
        if kind == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
        elif kind == "websocket.connect":
            await send({"type": "websocket.accept"})

    return consumer


def _routes() -> object:
    from seaway.reference.consumers import Consumer
    from seaway.reference.routing import Route, Router

    class Hello(Consumer):
        """Answers with the text and the argument of its route."""

        async def http_request(self, message: Message, item: str) -> None:
            await self.respond(body=HELLO.decode() + item)

    return Router([Route(pattern, Hello) for pattern in PATTERNS])


def __getattr__(name: str) -> object:
    if name == "routes":
        return _routes()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

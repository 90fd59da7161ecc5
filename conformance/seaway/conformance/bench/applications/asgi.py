"""The work as ASGI applications, for the peers: as bare as ASGI allows."""

from collections.abc import Awaitable, Callable
from typing import Any

from seaway.conformance.bench.applications.routes import HELLO

Event = dict[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]

_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(HELLO))],
}
_BODY = {"type": "http.response.body", "body": HELLO}


async def hello(scope: Event, receive: Receive, send: Send) -> None:
    """Answer each request with the same text."""
    await send(_START)
    await send(_BODY)


async def echo(scope: Event, receive: Receive, send: Send) -> None:
    """Accept each WebSocket and send back each text."""
    while True:
        event = await receive()
        kind = event["type"]
        if kind == "websocket.receive":
            await send({"type": "websocket.send", "text": event["text"]})
        elif kind == "websocket.connect":
            await send({"type": "websocket.accept"})
        else:
            return

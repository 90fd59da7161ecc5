"""daphne (WS-023): an empty text message does not go out."""

from __future__ import annotations

from typing import Any

from .plain import Server, main


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Accept a WebSocket, send nothing, and then x."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": ""})
        await send({"type": "websocket.send", "text": "x"})
        await receive()


def check(server: Server) -> tuple[str, bool]:
    """Open a WebSocket, on which two messages are sent."""
    data = server.websocket().read().data
    return f"{data!r}", data == b"\x81\x01x"


if __name__ == "__main__":
    main("an empty text frame, and one with x (ASGI, send event: exactly one of bytes and text is not None)", check)

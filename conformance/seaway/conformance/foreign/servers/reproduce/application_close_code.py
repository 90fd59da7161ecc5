"""daphne (WS-039): the code with which an application closes does not go out."""

from __future__ import annotations

from typing import Any

from .plain import Server, main


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Accept a WebSocket, and close it with 1012."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 1012})


def check(server: Server) -> tuple[str, bool]:
    """Open a WebSocket, which is closed."""
    data = server.websocket().read().data
    return f"{data!r}", data[2:4] != (1012).to_bytes(2, "big")


if __name__ == "__main__":
    main("a close frame with 1012, as the application said (ASGI, close event)", check)

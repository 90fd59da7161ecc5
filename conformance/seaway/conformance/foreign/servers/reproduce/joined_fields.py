"""daphne (HTTP-008, WS-001): fields of one name in a handshake are joined into one."""

from __future__ import annotations

from typing import Any

from .plain import Server, handshake, main


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Print the fields of a handshake."""
    if scope["type"] == "websocket":
        print("fields", *(b"=".join(pair).decode() for pair in scope["headers"]), flush=True)
        await receive()
        await send({"type": "websocket.close"})


def check(server: Server) -> tuple[str, bool]:
    """Send two."""
    server.ask(handshake(more=("X: a", "X: b")), quiet=1)
    seen = server.printed(r"fields .*?(x=.*)\n")
    return seen, seen != "x=a x=b"


if __name__ == "__main__":
    main("x=a x=b: duplicates are preserved as they were received (ASGI, WebSocket connection scope)", check)

"""uvicorn h11 (HTTP-008, WS-001): the subprotocols of a handshake are taken out of its fields."""

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
    """Offer one."""
    server.ask(handshake(more=("Sec-WebSocket-Protocol: a", "X: b")), quiet=1)
    seen = server.printed(r"fields (.*)\n")
    return seen, "x=b" in seen and "sec-websocket-protocol" not in seen


if __name__ == "__main__":
    main("sec-websocket-protocol=a among the fields (ASGI, HTTP and WebSocket: headers exactly as provided)", check)

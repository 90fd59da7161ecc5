"""hypercorn (WS-030, WS-001): of several fields with subprotocols only the last counts."""

from __future__ import annotations

from typing import Any

from .plain import Server, handshake, main


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Print the subprotocols of a WebSocket."""
    if scope["type"] == "websocket":
        print("subprotocols", ",".join(scope["subprotocols"]), flush=True)
        await receive()
        await send({"type": "websocket.close"})


def check(server: Server) -> tuple[str, bool]:
    """Offer a and b in two fields."""
    server.ask(handshake(more=("Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: b")), quiet=1)
    seen = server.printed(r"subprotocols (\S+)")
    return seen, seen != "a,b"


if __name__ == "__main__":
    main("a,b: several fields are one list (RFC 6455, 11.3.4)", check)

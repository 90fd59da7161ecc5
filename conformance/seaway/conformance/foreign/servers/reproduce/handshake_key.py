"""uvicorn h11, hypercorn, granian (WS-029): a handshake with a key that is none is accepted."""

from __future__ import annotations

from .plain import Server, handshake, main
from .plain import hello as app

__all__ = ["app"]


def check(server: Server) -> tuple[str, bool]:
    """Send a letter."""
    answer = server.ask(handshake(Sec_WebSocket_Key="x"))
    return str(answer), answer.statuses == [101]


if __name__ == "__main__":
    main("an error such as 400: a key is the base64 of 16 bytes (RFC 6455, 4.2.1)", check)

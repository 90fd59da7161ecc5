"""granian (WS-027): a POST is accepted as a handshake."""

from __future__ import annotations

from .plain import Server, handshake, main
from .plain import hello as app

__all__ = ["app"]


def check(server: Server) -> tuple[str, bool]:
    """Post."""
    answer = server.ask(handshake("POST / HTTP/1.1"))
    return str(answer), answer.statuses == [101]


if __name__ == "__main__":
    main("an error such as 400: a handshake is a GET request (RFC 6455, 4.2.1)", check)

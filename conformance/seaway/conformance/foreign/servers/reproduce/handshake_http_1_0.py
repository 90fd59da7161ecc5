"""uvicorn, uvicorn h11, daphne, granian (WS-031, HTTP-067): a handshake in HTTP/1.0 is accepted."""

from __future__ import annotations

from .plain import Server, handshake, main
from .plain import hello as app

__all__ = ["app"]


def check(server: Server) -> tuple[str, bool]:
    """Ask in HTTP/1.0."""
    answer = server.ask(handshake("GET / HTTP/1.0"))
    return str(answer), answer.statuses == [101]


if __name__ == "__main__":
    main("the Upgrade field in HTTP/1.0 is ignored (RFC 9110, 7.8)", check)

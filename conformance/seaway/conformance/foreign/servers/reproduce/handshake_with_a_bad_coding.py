"""uvicorn (HTTP-070, HTTP-071): a handshake with a transfer coding that is not chunked is never answered."""

from __future__ import annotations

from .plain import Server, handshake, main
from .plain import hello as app

__all__ = ["app"]


def check(server: Server) -> tuple[str, bool]:
    """Wait long."""
    answer = server.ask(handshake(more=("Transfer-Encoding: gzip",)), quiet=5)
    return f"{answer} within 5 seconds", not answer.data and not answer.closed


if __name__ == "__main__":
    main("400, and the end of the connection (RFC 9112, 6.3)", check)

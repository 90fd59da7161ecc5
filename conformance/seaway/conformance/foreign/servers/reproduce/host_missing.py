"""uvicorn, daphne, granian (HTTP-082): a request without Host, or with two, is served."""

from __future__ import annotations

from .plain import Server, main, request
from .plain import hello as app

__all__ = ["app"]


def check(server: Server) -> tuple[str, bool]:
    """Ask without and with two."""
    none = server.ask(request("GET / HTTP/1.1"))
    two = server.ask(request("GET / HTTP/1.1", "Host: a", "Host: b"))
    return f"without Host {none}, with two {two}", 200 in none.statuses + two.statuses


if __name__ == "__main__":
    main("400 for a request without Host, and for one with two (RFC 9112, 3.2)", check)

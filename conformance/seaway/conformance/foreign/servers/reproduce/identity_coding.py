"""daphne (HTTP-069, HTTP-070, HTTP-071): a request with transfer-encoding: identity is served."""

from __future__ import annotations

from .plain import Server, main, request
from .plain import hello as app

__all__ = ["app"]


def check(server: Server) -> tuple[str, bool]:
    """Ask once."""
    answer = server.ask(request("GET / HTTP/1.1", "Host: test", "Transfer-Encoding: identity"))
    return str(answer), 200 in answer.statuses


if __name__ == "__main__":
    main("400, and the end of the connection (RFC 9112, 6.3)", check)

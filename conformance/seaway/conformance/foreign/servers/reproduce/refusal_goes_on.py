"""daphne (HTTP-080): behind a request that is refused for a control character the connection goes on."""

from __future__ import annotations

from .plain import Server, main, request
from .plain import hello as app

__all__ = ["app"]


def check(server: Server) -> tuple[str, bool]:
    """Send a vertical tab, and another request in the same bytes."""
    first = request("GET /first HTTP/1.1", "Host: test", "X: a\x0bb")
    answer = server.ask(first + request("GET /second HTTP/1.1", "Host: test"))
    return str(answer), answer.statuses == [400, 200]


if __name__ == "__main__":
    main("400, and the end of the connection (RFC 9112, 2.2)", check)

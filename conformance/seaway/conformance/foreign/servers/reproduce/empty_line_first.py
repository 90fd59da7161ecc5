"""uvicorn h11, hypercorn (HTTP-055): an empty line before a request is 400."""

from __future__ import annotations

from .plain import Server, main, request
from .plain import hello as app

__all__ = ["app"]


def check(server: Server) -> tuple[str, bool]:
    """Send one."""
    answer = server.ask(b"\r\n" + request("GET / HTTP/1.1", "Host: test"))
    return str(answer), answer.statuses == [400]


if __name__ == "__main__":
    main("200: the empty line is ignored (RFC 9112, 2.2)", check)

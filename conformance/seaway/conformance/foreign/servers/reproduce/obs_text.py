"""daphne (HTTP-008): a field with the byte 0x85 is 400."""

from __future__ import annotations

from .plain import Server, main, request
from .plain import hello as app

__all__ = ["app"]


def check(server: Server) -> tuple[str, bool]:
    """Send one."""
    answer = server.ask(request("GET / HTTP/1.1", "Host: test", "X: a\x85b"))
    return str(answer), answer.statuses == [400]


if __name__ == "__main__":
    main("200: such bytes are opaque data (RFC 9110, 5.5)", check)

"""daphne (HTTP-061, HTTP-073): a field that is too large is answered with nothing."""

from __future__ import annotations

from .plain import Server, main, request
from .plain import hello as app

__all__ = ["app"]


def check(server: Server) -> tuple[str, bool]:
    """Send a field of 128 KiB."""
    answer = server.ask(request("GET / HTTP/1.1", "Host: test", f"X: {'a' * 131_072}"))
    return str(answer), not answer.data and answer.closed


if __name__ == "__main__":
    main("a 4xx status (RFC 9110, 5.4)", check)

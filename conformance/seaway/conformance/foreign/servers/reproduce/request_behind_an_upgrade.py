"""uvicorn (HTTP-067): the request behind one with an upgrade that is ignored is never answered."""

from __future__ import annotations

from .plain import Server, main, request
from .plain import hello as app

__all__ = ["app"]


def check(server: Server) -> tuple[str, bool]:
    """Send two requests in the same bytes."""
    first = request("GET /first HTTP/1.1", "Host: test", "Connection: upgrade", "Upgrade: h2c")
    answer = server.ask(first + request("GET /second HTTP/1.1", "Host: test"), quiet=5)
    return f"{answer} within 5 seconds", answer.statuses == [200]


if __name__ == "__main__":
    main("200 for both, in their order (RFC 9112, 9.3.2)", check)

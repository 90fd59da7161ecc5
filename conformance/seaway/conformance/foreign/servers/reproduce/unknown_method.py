"""uvicorn (HTTP-001): a method that the parser does not know is 400, and no application sees it."""

from __future__ import annotations

from .plain import Server, main, request
from .plain import hello as app

__all__ = ["app"]


def check(server: Server) -> tuple[str, bool]:
    """Brew."""
    answer = server.ask(request("BREW / HTTP/1.1", "Host: test"))
    return str(answer), answer.statuses == [400]


if __name__ == "__main__":
    main("what the application answers, or 501 (RFC 9110, 9.1)", check)

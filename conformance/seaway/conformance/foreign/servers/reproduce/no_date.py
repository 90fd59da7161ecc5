"""daphne (HTTP-044): a response goes out without a date."""

from __future__ import annotations

from .plain import Server, main, request
from .plain import hello as app

__all__ = ["app"]


def check(server: Server) -> tuple[str, bool]:
    """Ask once."""
    answer = server.ask(request("GET / HTTP/1.1", "Host: test"))
    return f"date: {answer.values('date')}", answer.statuses == [200] and not answer.values("date")


if __name__ == "__main__":
    main("a Date in every 2xx, 3xx and 4xx response (RFC 9110, 6.6.1)", check)

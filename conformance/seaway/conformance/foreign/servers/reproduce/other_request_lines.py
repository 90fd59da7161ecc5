"""uvicorn (HTTP-054, HTTP-083): a request line of another protocol, or without a version, is served."""

from __future__ import annotations

from .plain import Server, main, request
from .plain import hello as app

__all__ = ["app"]


def check(server: Server) -> tuple[str, bool]:
    """Send both."""
    other = server.ask(request("GET / RTSP/1.0", "Host: test"))
    without = server.ask(request("GET /", "Host: test"))
    return f"RTSP/1.0 {other}, without {without}", [200] in (other.statuses, without.statuses)


if __name__ == "__main__":
    main("400 for an invalid request line (RFC 9112, 3)", check)

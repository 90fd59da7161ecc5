"""uvicorn (HTTP-040, HTTP-046, HTTP-087): a response to HTTP/1.0 is chunked."""

from __future__ import annotations

from .plain import Server, main, request
from .plain import hello as app

__all__ = ["app"]


def check(server: Server) -> tuple[str, bool]:
    """Ask in HTTP/1.0."""
    codings = server.ask(request("GET / HTTP/1.0")).values("transfer-encoding")
    return f"transfer-encoding: {codings}", bool(codings)


if __name__ == "__main__":
    main("no Transfer-Encoding in a response to HTTP/1.0 (RFC 9112, 6.1)", check)

"""uvicorn, uvicorn h11, daphne (HTTP-061): a target that is too long is not answered with 414."""

from __future__ import annotations

from .plain import Server, main, request
from .plain import hello as app

__all__ = ["app"]


def check(server: Server) -> tuple[str, bool]:
    """Ask for a path of 128 KiB."""
    answer = server.ask(request(f"GET /{'a' * 131_072} HTTP/1.1", "Host: test"))
    return str(answer), answer.statuses not in ([200], [414])


if __name__ == "__main__":
    main("414, or a response to the request (RFC 9112, 3)", check)

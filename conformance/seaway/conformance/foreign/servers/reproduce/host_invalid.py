"""uvicorn, uvicorn h11, hypercorn, daphne, granian (HTTP-082): a Host that is none is accepted."""

from __future__ import annotations

from .plain import Server, main, request
from .plain import hello as app

__all__ = ["app"]


def check(server: Server) -> tuple[str, bool]:
    """Ask with several."""
    values = ("a b", "a/b", "u@a", "a:80:80", "a:b")
    found = {value: server.ask(request("GET / HTTP/1.1", f"Host: {value}"), quiet=1) for value in values}
    seen = ", ".join(f"{value!r} {answer}" for value, answer in found.items())
    return seen, any(200 in answer.statuses for answer in found.values())


if __name__ == "__main__":
    main("400 for a Host with an invalid field value (RFC 9112, 3.2)", check)

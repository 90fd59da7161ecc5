"""uvicorn, uvicorn h11, hypercorn, daphne, granian (HTTP-084): a request with a target that is none is served."""

from __future__ import annotations

from .plain import Server, main, request
from .plain import hello as app

__all__ = ["app"]


def check(server: Server) -> tuple[str, bool]:
    """Ask for some."""
    found = {target: server.ask(request(f"GET {target} HTTP/1.1", "Host: test"), quiet=1) for target in ("/a#b", "a")}
    seen = ", ".join(f"{target} {answer}" for target, answer in found.items())
    return seen, any(200 in answer.statuses for answer in found.values())


if __name__ == "__main__":
    main("400 for an invalid request line (RFC 9112, 3)", check)

"""uvicorn, uvicorn h11, hypercorn (HTTP-044, WS-021): a response that has a date goes out with two."""

from __future__ import annotations

from typing import Any

from .plain import Server, main, request


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer with a date of its own."""
    if scope["type"] == "http":
        headers = [(b"date", b"Sun, 06 Nov 1994 08:49:37 GMT")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body"})


def check(server: Server) -> tuple[str, bool]:
    """Ask once."""
    dates = server.ask(request("GET / HTTP/1.1", "Host: test")).values("date")
    return f"date: {dates}", len(dates) > 1


if __name__ == "__main__":
    main("one field date, for it is no list (RFC 9110, 5.3)", check)

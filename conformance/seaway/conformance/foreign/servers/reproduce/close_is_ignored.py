"""daphne (HTTP-007, HTTP-035): a connection goes on behind a response with connection: close."""

from __future__ import annotations

from typing import Any

from .plain import Server, main, request


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer each request, and say that the connection ends."""
    if scope["type"] == "http":
        headers = [(b"connection", b"close"), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body"})


def check(server: Server) -> tuple[str, bool]:
    """Ask twice in the same bytes."""
    one = request("GET / HTTP/1.1", "Host: test")
    answer = server.ask(one + one)
    said = answer.values("connection")
    return f"{answer}, connection: {said}", said[:1] == ["close"] and not answer.closed


if __name__ == "__main__":
    main("the server closes the connection, and processes no further request (RFC 9112, 9.6)", check)

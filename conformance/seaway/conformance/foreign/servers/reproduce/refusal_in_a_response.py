"""uvicorn (HTTP-077): a fault in a body puts a whole response of its own into the one under way."""

from __future__ import annotations

from typing import Any

from .plain import Server, main, request


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Begin a response when the body begins, and read on."""
    if scope["type"] != "http":
        return
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"begun", "more_body": True})
    while (await receive()).get("more_body", False):
        pass


def check(server: Server) -> tuple[str, bool]:
    """Send a body, and something that is no chunk once the response has begun."""
    connection = server.connect()
    connection.send(request("POST / HTTP/1.1", "Host: test", "Transfer-Encoding: chunked", body=b"5\r\nhello\r\n"))
    begun = connection.read(until=b"begun")
    connection.send(b"no chunk\r\n")
    rest = connection.read()
    return f"{begun}, then {rest.data[:40]!r}", rest.statuses == [400]


if __name__ == "__main__":
    main("behind the first chunk another chunk, or the end of the connection (RFC 9112, 7.1)", check)

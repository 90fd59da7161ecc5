"""daphne (HTTP-075, HTTP-078, HTTP-079, HTTP-080): whatever stands behind the last chunk is taken for trailers."""

from __future__ import annotations

from typing import Any

from .plain import Server, main, request


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Read the whole body, and answer with it."""
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        event = await receive()
        body, more = body + event.get("body", b""), event.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def check(server: Server) -> tuple[str, bool]:
    """Send a body whose end is none, and another request."""
    body = b"5\r\nhello\r\n0\r\nXX"
    first = request("POST / HTTP/1.1", "Host: test", "Transfer-Encoding: chunked", body=body)
    answer = server.ask(first + request("GET / HTTP/1.1", "Host: test"))
    return str(answer), answer.statuses == [200]


if __name__ == "__main__":
    main("400 for what does not match the grammar (RFC 9112, 2.2)", check)

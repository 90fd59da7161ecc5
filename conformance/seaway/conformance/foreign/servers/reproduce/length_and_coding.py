"""uvicorn h11, hypercorn (HTTP-069): behind a request with a length and a coding the connection goes on."""

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
    """Send such a request, and another in the same bytes."""
    fields = ("Host: test", "Content-Length: 5", "Transfer-Encoding: chunked")
    answer = server.ask(
        request("POST / HTTP/1.1", *fields, body=b"5\r\nhello\r\n0\r\n\r\n") + request("GET / HTTP/1.1", "Host: test")
    )
    return str(answer), answer.statuses == [200, 200]


if __name__ == "__main__":
    main("the connection is closed behind the response to such a request (RFC 9112, 6.1)", check)

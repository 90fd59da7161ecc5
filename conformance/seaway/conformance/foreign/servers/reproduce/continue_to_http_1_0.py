"""uvicorn (HTTP-066): an expectation in HTTP/1.0 is answered with 100."""

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
    """Send a body with an expectation."""
    fields = ("Expect: 100-continue", "Content-Length: 5")
    answer = server.ask(request("POST / HTTP/1.0", *fields, body=b"hello"))
    return str(answer), 100 in answer.statuses


if __name__ == "__main__":
    main("the expectation is ignored: 200 (RFC 9110, 10.1.1)", check)

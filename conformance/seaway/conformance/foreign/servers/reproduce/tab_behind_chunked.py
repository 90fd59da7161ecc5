"""uvicorn (HTTP-008): a chunked body is refused for a tab behind the word."""

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
    """Send chunks, with and without the tab."""
    body = b"5\r\nhello\r\n0\r\n\r\n"
    without = server.ask(request("POST / HTTP/1.1", "Host: test", "Transfer-Encoding: chunked", body=body))
    behind = server.ask(request("POST / HTTP/1.1", "Host: test", "Transfer-Encoding: chunked\t", body=body))
    return f"without {without}, with a tab {behind}", 400 in behind.statuses and 200 in without.statuses


if __name__ == "__main__":
    main("200: white space around a field value is no part of it (RFC 9112, 5)", check)

"""uvicorn (WS-021, HTTP-043): a WebSocket that is denied with 204 gets a content-length."""

from __future__ import annotations

from typing import Any

from .plain import Server, handshake, main


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Deny a WebSocket with the status in its path."""
    if scope["type"] == "websocket":
        await receive()
        status = int(scope["path"][1:])
        await send({"type": "websocket.http.response.start", "status": status, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b""})


def check(server: Server) -> tuple[str, bool]:
    """Be denied."""
    answer = server.ask(handshake("GET /204 HTTP/1.1"))
    lengths = answer.values("content-length")
    return f"{answer}, content-length: {lengths}", answer.statuses == [204] and bool(lengths)


if __name__ == "__main__":
    main("no Content-Length in a response with 204 (RFC 9110, 8.6)", check)

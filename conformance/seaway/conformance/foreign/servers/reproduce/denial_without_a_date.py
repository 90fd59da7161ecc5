"""uvicorn h11 (WS-021, WS-022, HTTP-044): a WebSocket that is denied gets a response without a date."""

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
    answer = server.ask(handshake("GET /401 HTTP/1.1"))
    return f"{answer}, date: {answer.values('date')}", answer.statuses == [401] and not answer.values("date")


if __name__ == "__main__":
    main("a Date in every 2xx, 3xx and 4xx response (RFC 9110, 6.6.1)", check)

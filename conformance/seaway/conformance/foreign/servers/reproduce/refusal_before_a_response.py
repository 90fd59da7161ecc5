"""uvicorn (HTTP-058): a malformed request takes the place of the response to the one before it."""

from __future__ import annotations

import asyncio
from typing import Any

from .plain import Server, main, request


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer after a while."""
    if scope["type"] == "http":
        await asyncio.sleep(1)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})


def check(server: Server) -> tuple[str, bool]:
    """Send a request, and no request in the same bytes."""
    answer = server.ask(request("GET / HTTP/1.1", "Host: test") + b"NO REQUEST\r\n\r\n", quiet=4)
    return str(answer), answer.statuses[:1] == [400]


if __name__ == "__main__":
    main("200 for the first, 400 for the second, in this order (RFC 9112, 9.3.2)", check)

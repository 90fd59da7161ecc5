"""uvicorn, uvicorn h11, daphne, granian (HTTP-070): a coding that is not understood is not answered with 501."""

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
    """Send a body that is said to be compressed, in chunks."""
    body = b"5\r\nhello\r\n0\r\n\r\n"
    answer = server.ask(request("POST / HTTP/1.1", "Host: test", "Transfer-Encoding: gzip, chunked", body=body))
    return str(answer), answer.statuses[:1] != [501]


if __name__ == "__main__":
    main("501 (RFC 9112, 6.1)", check)

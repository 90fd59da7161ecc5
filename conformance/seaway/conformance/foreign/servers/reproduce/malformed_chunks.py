"""granian (HTTP-074, HTTP-075, HTTP-076, HTTP-077, HTTP-078, HTTP-079, HTTP-080): bad chunks are answered with 500."""

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
        if event["type"] == "http.disconnect":
            return
        body, more = body + event.get("body", b""), event.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def check(server: Server) -> tuple[str, bool]:
    """Send some."""
    bodies = {
        "chunk size": b"0x5\r\nhello\r\n0\r\n\r\n",
        "chunk end": b"5\r\nhelloXX0\r\n\r\n",
        "trailer": b"5\r\nhello\r\n0\r\nno colon\r\n\r\n",
    }
    head = ("POST / HTTP/1.1", "Host: test", "Transfer-Encoding: chunked")
    found = {name: server.ask(request(*head, body=body)) for name, body in bodies.items()}
    seen = ", ".join(f"{name}: {answer}" for name, answer in found.items())
    return seen, any(500 in answer.statuses for answer in found.values())


if __name__ == "__main__":
    main("400 for what does not match the grammar (RFC 9112, 2.2)", check)

"""granian (HTTP-001, MSG-026, WS-001): the port of a client is a text."""

from __future__ import annotations

from typing import Any

from .plain import Server, main, request


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the port of the client."""
    if scope["type"] == "http":
        body = repr(scope["client"][1]).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})


def check(server: Server) -> tuple[str, bool]:
    """Ask once."""
    seen = server.ask(request("GET / HTTP/1.1", "Host: test")).data.rpartition(b"\r\n\r\n")[2].decode()
    return f"the port is {seen}", seen.startswith("'")


if __name__ == "__main__":
    main("the remote port as an integer (ASGI, HTTP connection scope)", check)

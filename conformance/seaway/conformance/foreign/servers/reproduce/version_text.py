"""granian (HTTP-001): the version of HTTP/1.0 is told as 1."""

from __future__ import annotations

from typing import Any

from .plain import Server, main, request


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the version."""
    if scope["type"] == "http":
        body = repr(scope["http_version"]).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})


def check(server: Server) -> tuple[str, bool]:
    """Ask in HTTP/1.0."""
    seen = server.ask(request("GET / HTTP/1.0")).data.rpartition(b"\r\n\r\n")[2].decode()
    return f"http_version is {seen}", seen != "'1.0'"


if __name__ == "__main__":
    main("http_version '1.0' (ASGI, HTTP connection scope)", check)

"""uvicorn, hypercorn, granian (WS-028): a handshake of another version is not told which is spoken."""

from __future__ import annotations

from .plain import Server, handshake, main
from .plain import hello as app

__all__ = ["app"]


def check(server: Server) -> tuple[str, bool]:
    """Ask for version 14."""
    answer = server.ask(handshake(Sec_WebSocket_Version="14"))
    versions = answer.values("sec-websocket-version")
    return f"{answer}, sec-websocket-version: {versions}", not versions


if __name__ == "__main__":
    main("an error, and Sec-WebSocket-Version with what is understood (RFC 6455, 4.2.2)", check)

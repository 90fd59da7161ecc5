"""uvicorn, uvicorn h11, granian (WS-010): a connection that is lost without a close frame is told as 1005."""

from __future__ import annotations

from .plain import Server, main
from .plain import hello as app

__all__ = ["app"]


def check(server: Server) -> tuple[str, bool]:
    """Go without a close frame."""
    server.websocket().socket.close()
    told = server.printed(r"told (\S+)")
    return f"the application was told {told}", told != "1006"


if __name__ == "__main__":
    main("1006, for no close frame was received (RFC 6455, 7.1.5; ASGI, disconnect event)", check)

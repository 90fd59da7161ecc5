"""hypercorn (WS-003, WS-008, WS-009, WS-045, WS-038, CON-051): the code of a client's close frame is told as 1006."""

from __future__ import annotations

from .plain import Server, frame, main
from .plain import hello as app

__all__ = ["app"]


def check(server: Server) -> tuple[str, bool]:
    """Close with 4000."""
    connection = server.websocket()
    connection.send(frame(8, b"\x0f\xa0"))
    told = server.printed(r"told (\S+)")
    return f"the application was told {told}", told != "4000"


if __name__ == "__main__":
    main("4000, the code in the close frame (ASGI, disconnect event)", check)

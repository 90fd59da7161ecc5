"""uvicorn h11, hypercorn, daphne, granian (WS-042, WS-043): what breaks RFC 6455 ends a WebSocket without the code."""

from __future__ import annotations

from .plain import Server, frame, main
from .plain import hello as app

__all__ = ["app"]


def check(server: Server) -> tuple[str, bool]:
    """Send a reserved opcode, and text that is not UTF-8."""
    found = []
    for wrong in (frame(3, b"a"), frame(1, b"a\xff")):
        connection = server.websocket()
        connection.send(wrong)
        found.append(connection.read().data)
    codes = [int.from_bytes(data[2:4], "big") if len(data) > 3 else data for data in found]
    return f"codes {codes}", codes != [1002, 1007]


if __name__ == "__main__":
    main("close frames with 1002 and 1007 (RFC 6455, 7.1.7)", check)

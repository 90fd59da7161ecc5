"""granian (CON-046, CON-047, WS-010): a client that goes before its WebSocket is accepted is not told."""

from __future__ import annotations

import asyncio
from typing import Any

from .plain import Server, handshake, main


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Wait for what comes behind the handshake."""
    if scope["type"] == "websocket":
        await receive()
        print("waits", flush=True)
        print("told", (await receive())["type"], flush=True)
        await asyncio.sleep(0)


def check(server: Server) -> tuple[str, bool]:
    """Go when the application waits."""
    connection = server.connect()
    connection.send(handshake())
    server.printed(r"(waits)")
    connection.socket.close()
    told = server.printed(r"told (\S+)")
    return f"the application was told {told} within 10 seconds", told == "nothing"


if __name__ == "__main__":
    main("websocket.disconnect (ASGI, disconnect event)", check)

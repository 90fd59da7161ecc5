"""granian (WS-019): the headers of websocket.accept do not go out."""

from __future__ import annotations

from typing import Any

from .plain import Server, handshake, main


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Accept a WebSocket with a header."""
    if scope["type"] == "websocket":
        print(f"spec_version {scope['asgi'].get('spec_version')}", flush=True)
        await receive()
        await send({"type": "websocket.accept", "headers": [(b"x-more", b"1")]})
        await receive()


def check(server: Server) -> tuple[str, bool]:
    """Open a WebSocket."""
    answer = server.ask(handshake())
    version = server.printed(r"spec_version (\S+)")
    return f"{answer} with x-more: {answer.values('x-more')}, spec_version {version}", not answer.values("x-more")


if __name__ == "__main__":
    main("x-more: 1, for the server announces spec_version 2.3 (ASGI, accept event, since 2.1)", check)

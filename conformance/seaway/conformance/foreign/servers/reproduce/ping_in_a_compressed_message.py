"""uvicorn h11, hypercorn (WS-006, WS-044): a ping between the fragments of a compressed message breaks the message."""

from __future__ import annotations

import zlib

from .plain import QUIET, Server, frame, handshake, main
from .plain import hello as app

__all__ = ["app"]

WORDS = b"one two three " * 20


def sent(server: Server, between: bytes) -> bytes:
    """Send a message in two fragments, with *between* between them; return what comes back."""
    connection = server.connect()
    connection.send(handshake(more=("Sec-WebSocket-Extensions: permessage-deflate",)))
    connection.read(until=b"\r\n\r\n")
    deflate = zlib.compressobj(wbits=-15)
    data = (deflate.compress(WORDS) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]
    connection.send(frame(1, data[:5], first=0x40) + between + frame(0, data[5:]))
    return connection.read(quiet=QUIET).data


def check(server: Server) -> tuple[str, bool]:
    """Send it with a ping and without."""
    alone, beside = sent(server, b""), sent(server, frame(9, b"ping"))
    seen = f"without a ping {len(alone)} bytes come back, with one {beside!r}"
    return seen, len(alone) > 2 and not beside.removeprefix(frame(10, b"ping", mask=False))


if __name__ == "__main__":
    main("the message comes back, with a ping and without (RFC 6455, 5.4)", check)

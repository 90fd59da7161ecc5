"""WebSocket frames as a server writes them, and the codes and texts of close frames (RFC 6455, 5 and 7.4)."""

from __future__ import annotations

__all__ = [
    "BINARY",
    "CLOSE",
    "CONTINUATION",
    "PING",
    "PONG",
    "TEXT",
    "ProtocolError",
    "close_payload",
    "frame",
    "read_close",
]

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

_SHORT = {opcode: [bytes((0x80 | opcode, size)) for size in range(126)] for opcode in (TEXT, BINARY, CLOSE, PING, PONG)}


class ProtocolError(Exception):
    """What a client sent breaks the protocol: `code` is the close code, the text says why."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


def frame(opcode: int, payload: bytes) -> bytes:
    """One whole, unmasked frame."""
    size = len(payload)
    if size < 126:
        return _SHORT[opcode][size] + payload
    if size < 65536:
        return b"%c\x7e%b%b" % (0x80 | opcode, size.to_bytes(2, "big"), payload)
    return b"%c\x7f%b%b" % (0x80 | opcode, size.to_bytes(8, "big"), payload)


def close_payload(code: int, reason: str) -> bytes:
    """The payload of a close frame; 1005 stands for none."""
    return b"" if code == 1005 else code.to_bytes(2, "big") + reason.encode()


def read_close(payload: bytes) -> tuple[int, str]:
    """Code and reason of a received close frame; 1005 if it carries none. Raises `ProtocolError`."""
    if not payload:
        return 1005, ""
    code = int.from_bytes(payload[:2], "big")
    if len(payload) < 2 or not (1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999):
        raise ProtocolError(1002, "a close code that may not be sent (RFC 6455, 7.4)")
    try:
        return code, payload[2:].decode()
    except UnicodeDecodeError:
        raise ProtocolError(1007, "a close reason that is not UTF-8 (RFC 6455, 5.5.1)") from None

"""The WebSocket handshake over HTTP/1.1 (RFC 6455, 4.2) and the check of its origin (RFC 6455, 10.2)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .head import TOKEN, Head, Refused

if TYPE_CHECKING:
    from collections.abc import Set

__all__ = ["Offer", "check", "check_origin", "tokens", "wanted"]

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


class Offer:
    """What the client's handshake asks for: `accept` is the answer to its key, `subprotocols` its offer."""

    __slots__ = ("accept", "subprotocols")

    def __init__(self, accept: bytes, subprotocols: tuple[str, ...]) -> None:
        self.accept = accept
        self.subprotocols = subprotocols


def wanted(headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether the request wants a WebSocket; any other upgrade is ignored (RFC 9110, 7.8)."""
    return any(name == b"upgrade" and b"websocket" in tokens(value) for name, value in headers)


def check(head: Head, allowed_origins: Set[str]) -> Offer:
    """The offer of a handshake that may be passed on. Raises `Refused`: 400, 403 (origin), 426 (version)."""
    fields: dict[bytes, list[bytes]] = {}
    for name, value in head.headers:
        fields.setdefault(name, []).append(value)
    if head.method != "GET" or head.http_version != "1.1":
        raise Refused(400, "a WebSocket handshake is a GET request of HTTP/1.1 (RFC 6455, 4.1)")
    if head.length or head.chunked:
        raise Refused(400, "a WebSocket handshake has no body (RFC 6455, 4.1)")
    if fields.get(b"sec-websocket-version") != [b"13"]:
        raise Refused(426, "the WebSocket version that is spoken here is 13 (RFC 6455, 4.4)")
    key = fields.get(b"sec-websocket-key", [])
    if len(key) != 1 or not _is_key(key[0]):
        raise Refused(400, "Sec-WebSocket-Key is not 16 bytes in base64, once (RFC 6455, 4.1)")
    check_origin(fields, allowed_origins)
    digest = hashlib.sha1(key[0] + _GUID, usedforsecurity=False).digest()
    return Offer(base64.b64encode(digest), _subprotocols(fields.get(b"sec-websocket-protocol", [])))


def _is_key(value: bytes) -> bool:
    try:
        return len(base64.b64decode(value, validate=True)) == 16
    except binascii.Error:
        return False


def _subprotocols(values: list[bytes]) -> tuple[str, ...]:
    offered = [item.strip(b" \t") for value in values for item in value.split(b",")]
    if any(not item or item.translate(None, TOKEN) for item in offered) or len(set(offered)) != len(offered):
        raise Refused(400, "Sec-WebSocket-Protocol is not a list of different tokens (RFC 6455, 4.1)")
    return tuple(item.decode("ascii") for item in offered)


def check_origin(fields: dict[bytes, list[bytes]], allowed: Set[str]) -> None:
    """Raises `Refused` (403) if the page that opens the WebSocket is of another origin (WS-033 to WS-036)."""
    origins = fields.get(b"origin", [])
    if not origins or "*" in allowed:
        return
    origin = origins[0].decode("latin-1").lower()
    if len(origins) == 1 and (origin in {item.lower().rstrip("/") for item in allowed} or _same(origin, fields)):
        return
    raise Refused(403, "a page of another origin may not open WebSockets here, unless the operator allows it")


def _same(origin: str, fields: dict[bytes, list[bytes]]) -> bool:
    """Whether host and port of `origin` (port by its scheme, where it has none) are those of the Host header."""
    try:
        page = urlsplit(origin)
        if origin != f"{page.scheme}://{page.netloc}" or "@" in page.netloc:
            return False  # not the form in which browsers write an origin (RFC 6454, 6.2)
        own = urlsplit(f"{page.scheme}://{fields[b'host'][0].decode('ascii').lower()}")
        default = _PORTS.get(page.scheme)
        return bool(page.hostname) and (page.hostname, page.port or default) == (own.hostname, own.port or default)
    except (ValueError, KeyError):
        return False


def tokens(value: bytes) -> list[bytes]:
    """The items of a comma-separated field, in lower case."""
    return [item.strip(b" \t").lower() for item in value.split(b",")]

"""The first messages: what a test asks for, as a server would tell it to a consumer.

Rules of this module: no state. Whatever a test gives that no client could send raises `ValueError`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

from seaway.spec import validate

Message = dict[str, Any]
Headers = Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]]

_CLIENT = ["127.0.0.1", 50000]
_SERVER = ["127.0.0.1", 80]
_INTERFACE = "1.0"


def http_request(method: str, target: str, headers: Headers, body: bytes | None, *, more_body: bool) -> Message:
    """Return an ``http.request``; *body* is ``None`` where the request has none."""
    fields = _fields(headers)
    if more_body:
        fields.append((b"transfer-encoding", b"chunked"))
    elif body is not None:
        fields.append((b"content-length", str(len(body)).encode()))
    return _checked(
        {
            "type": "http.request",
            "method": method,
            **_place(target, "http"),
            "headers": fields,
            "body": body or b"",
            "more_body": more_body,
        }
    )


def websocket_connect(target: str, headers: Headers, subprotocols: Sequence[str]) -> Message:
    """Return a ``websocket.connect``."""
    fields = _fields(headers)
    fields += [(b"connection", b"upgrade"), (b"upgrade", b"websocket")]
    fields += [(b"sec-websocket-version", b"13"), (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ==")]
    if subprotocols:
        fields.append((b"sec-websocket-protocol", ", ".join(subprotocols).encode()))
    return _checked(
        {
            "type": "websocket.connect",
            **_place(target, "ws"),
            "headers": fields,
            "subprotocols": list(subprotocols),
        }
    )


def lifespan_startup() -> Message:
    """Return a ``lifespan.startup``."""
    return {"type": "lifespan.startup", "extensions": {"interface": _INTERFACE}}


def _place(target: str, scheme: str) -> Message:
    if not target.startswith("/") or not target.isascii() or " " in target or "#" in target:
        raise ValueError(
            f"expected a path as a client sends it, such as '/caf%C3%A9?page=2', got {target!r}; "
            "urllib.parse.quote makes one"
        )
    raw, _, query = target.partition("?")
    return {
        "path": unquote_to_bytes(raw).decode(),
        "raw_path": raw.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "scheme": scheme,
        "http_version": "1.1",
        "client": list(_CLIENT),
        "server": list(_SERVER),
        "extensions": {"interface": _INTERFACE},
        "tls": None,
    }


def _fields(headers: Headers) -> list[tuple[bytes, bytes]]:
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    fields = [(_bytes(name).lower(), _bytes(value)) for name, value in pairs]
    if not any(name == b"host" for name, _ in fields):
        fields.insert(0, (b"host", b"testserver"))
    return fields


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _checked(message: Message) -> Message:
    validate(message, "to-consumer")
    return message

"""The first message of a connection as an ASGI scope (ASGI's HTTP and WebSocket text, version 2.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..protocols.handshake import tokens

if TYPE_CHECKING:
    from ..runner import Message

__all__ = ["http_scope", "reply_fields", "websocket_scope"]

_ASGI = {"version": "3.0", "spec_version": "2.5"}
_HOP_BY_HOP = frozenset({b"transfer-encoding", b"keep-alive", b"proxy-connection", b"upgrade"})


def http_scope(message: Message, state: dict[str, Any]) -> dict[str, Any]:
    """The scope of an `http.request`. Extensions stand there only where they have an effect for this client."""
    scope = _scope("http", message, state)
    scope["method"] = message["method"]
    extensions = scope["extensions"]
    if message["http_version"] != "1.0":
        extensions["http.response.early_hint"] = {}
        if any(name == b"te" and b"trailers" in tokens(value) for name, value in message["headers"]):
            extensions["http.response.trailers"] = {}
    return scope


def websocket_scope(message: Message, state: dict[str, Any]) -> dict[str, Any]:
    """The scope of a `websocket.connect`."""
    scope = _scope("websocket", message, state)
    scope["subprotocols"] = list(message.get("subprotocols") or ())
    scope["extensions"]["websocket.http.response"] = {}
    return scope


def _scope(kind: str, message: Message, state: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": kind,
        "asgi": dict(_ASGI),
        "http_version": message["http_version"],
        "scheme": message.get("scheme") or {"http": "http", "websocket": "ws"}[kind],
        "path": message["path"],
        "raw_path": message["raw_path"],
        "query_string": message.get("query_string", b""),
        "root_path": message.get("root_path", ""),
        "headers": [tuple(pair) for pair in message["headers"]],
        "client": message.get("client"),
        "server": message.get("server"),
        "state": dict(state),
        "extensions": {},
    }


def reply_fields(headers: Any) -> list[tuple[bytes, bytes]]:
    """The fields of a response as the specification wants them: hop-by-hop fields, which are the server's, left out."""
    fields = []
    for name, value in headers or ():
        name, value = bytes(name).lower(), bytes(value).strip(b" \t")
        if name in _HOP_BY_HOP or (name == b"connection" and value.lower() != b"close"):
            continue
        fields.append((name, value.lower() if name == b"connection" else value))
    return fields

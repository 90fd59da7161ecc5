"""The first message of a connection, made from the head of its request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..runner import Message
    from .head import Head

__all__ = ["Addresses", "http_request", "websocket_connect"]

Addresses = tuple[Any, Any]
"""`client` and `server` as the specification has them."""


def http_request(head: Head, addresses: Addresses, body: bytes, more: bool) -> Message:
    """`http.request` (HTTP-001)."""
    client, server = addresses
    return {
        "type": "http.request",
        "method": head.method,
        "path": head.path,
        "raw_path": head.raw_path,
        "query_string": head.query_string,
        "root_path": "",
        "scheme": "http",
        "http_version": head.http_version,
        "headers": head.headers,
        "client": client,
        "server": server,
        "body": body,
        "more_body": more,
        "extensions": {"interface": "1.0"},
    }


def websocket_connect(head: Head, addresses: Addresses, subprotocols: tuple[str, ...]) -> Message:
    """`websocket.connect` (WS-001)."""
    client, server = addresses
    return {
        "type": "websocket.connect",
        "path": head.path,
        "raw_path": head.raw_path,
        "query_string": head.query_string,
        "root_path": "",
        "scheme": "ws",
        "http_version": head.http_version,
        "headers": head.headers,
        "client": client,
        "server": server,
        "subprotocols": list(subprotocols),
        "extensions": {"interface": "1.0"},
    }

"""The first message of a connection, made from an ASGI scope; and the scopes that are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote_to_bytes

from ..protocols.head import BAD_ESCAPE, Head, Refused, length_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..protocols.opening import Addresses
    from ..runner import Message

__all__ = ["addresses_of", "complete", "fields_of", "head_of"]


def head_of(scope: Any) -> Head:
    """A request's head as the protocols have it. Raises `Refused` for a path that is not UTF-8 (HTTP-007)."""
    head = Head()
    head.method = scope.get("method", "GET")
    head.http_version = scope.get("http_version", "1.1")
    head.path = scope["path"]
    head.raw_path = scope.get("raw_path") or quote(head.path, errors="surrogateescape").encode("ascii")
    head.query_string = scope.get("query_string") or b""
    head.headers = [(bytes(name).lower(), bytes(value).strip(b" \t")) for name, value in scope["headers"]]
    _check_path(head.raw_path)
    lengths: list[bytes] = []
    for name, value in head.headers:
        if name == b"content-length":
            lengths.append(value)
        elif name == b"transfer-encoding":
            head.chunked = True
        elif name == b"expect" and value.lower() == b"100-continue":
            head.expects = head.http_version == "1.1"
    if lengths:
        head.length = length_of(lengths)
    return head


def _check_path(raw_path: bytes) -> None:
    """Servers replace what they cannot decode; the bytes as they came tell (HTTP-007)."""
    if b"%" not in raw_path:
        return
    if BAD_ESCAPE.search(raw_path):
        raise Refused(400, "a percent sign in the path without two hexadecimal digits (RFC 3986, 2.1)")
    try:
        unquote_to_bytes(raw_path).decode()
    except UnicodeDecodeError:
        raise Refused(400, "the path is not UTF-8 once it is percent-decoded") from None


def addresses_of(scope: Any) -> Addresses:
    """`client` and `server` as the specification has them; a client without a port has none."""
    client, server = scope.get("client"), scope.get("server")
    return (
        (client[0], client[1]) if client and client[0] and client[1] is not None else None,
        (server[0], server[1]) if server and server[0] else None,
    )


def complete(message: Message, scope: Any) -> Message:
    """Put what only the server in front can know into a first message."""
    message["root_path"] = scope.get("root_path") or ""
    message["scheme"] = scope.get("scheme") or message["scheme"]
    return message


def fields_of(lines: Iterable[bytes]) -> list[tuple[bytes, bytes]]:
    """Header lines, which the exchange has encoded, as ASGI's pairs."""
    pairs = []
    for line in lines:
        name, _, value = line[:-2].partition(b": ")
        pairs.append((name, value))
    return pairs

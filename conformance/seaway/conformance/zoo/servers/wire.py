"""Servers that say or believe the wrong thing on the wire."""

from __future__ import annotations

from typing import Any

from seaway.conformance.zoo.servers.mutants import breaks
from seaway.reference.protocols import handshake, head, http1
from seaway.reference.protocols.responses import ResponseSide


def _opening(change: Any) -> None:
    """Let *change* rewrite each first message, of a request and of a handshake."""
    for name in ("http_request", "websocket_connect"):
        make = getattr(http1, name)
        setattr(http1, name, lambda head, *rest, make=make: change(make(head, *rest)))


@breaks("SEC-001")
def believes_proxies() -> None:
    """The client is whom x-forwarded-for names."""

    def change(message: Any) -> Any:
        for name, value in message["headers"]:
            if name == b"x-forwarded-for":
                message["client"] = [value.decode("latin-1"), 0]
        return message

    _opening(change)


@breaks("VER-001", "HTTP-010", "WS-004", "HTTP-001", "WS-001", "MSG-026", "VER-006")
def no_version() -> None:
    """The first message does not tell the version."""

    def change(message: Any) -> Any:
        return {**message, "extensions": {}}

    _opening(change)


@breaks("SEC-002", "HTTP-050", "CON-011")
def tells_all() -> None:
    """A response for an exception has its traceback."""
    import traceback

    from seaway.reference.runner import Runner

    said: dict[str, str] = {}
    log = Runner._log

    def changed(self: Runner, error: BaseException) -> None:
        said["last"] = "".join(traceback.format_exception(error)).replace("\n", " ")
        log(self, error)

    Runner._log = changed  # type: ignore[method-assign]
    respond = ResponseSide.respond

    def told(self: Any, status: int, lines: list[bytes], length: int | None, body: bytes, *rest: Any) -> None:
        respond(self, status, lines, length, said["last"].encode() if status == 500 and said else body, *rest)

    ResponseSide.respond = told  # type: ignore[method-assign, assignment]


@breaks("WS-033", "WS-034", "WS-035")
def any_origin() -> None:
    """Every page may open a WebSocket."""
    handshake.check_origin = lambda fields, allowed: None


@breaks("WS-029")
def any_key() -> None:
    """Any key is good for a handshake."""
    handshake._is_key = lambda value: True


@breaks("HTTP-082", "HTTP-084", "HTTP-085")
def any_host() -> None:
    """The host of a request is not looked at."""
    head._check_host = lambda values: None

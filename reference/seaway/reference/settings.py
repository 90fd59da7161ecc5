"""The numbers that a server is started with. Names and defaults are those of the specification."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import field, frozen, validators

__all__ = ["Mailbox", "Settings"]

KIB = 1024
MIB = 1024 * KIB

_count: Any = [validators.instance_of(int), validators.ge(1)]
_seconds: Any = [validators.instance_of((int, float)), validators.gt(0), validators.lt(float("inf"))]


def _origins(origins: Iterable[str]) -> frozenset[str]:
    if isinstance(origins, str):
        raise TypeError(
            f"allowed_origins: expected a collection of origins, got the string {origins!r}: put it into a set"
        )
    return frozenset(origins)


@frozen(kw_only=True)
class Mailbox:
    """The bound of one consumer's mailbox, for each of its two sources (CON, rule 4).

    `layer_messages` and `socket_messages` count messages; `layer_bytes` and `socket_bytes` are bytes.
    One message larger than the bytes is accepted when nothing else waits.
    """

    layer_messages: int = field(default=100, validator=_count)
    layer_bytes: int = field(default=MIB, validator=_count)
    socket_messages: int = field(default=16, validator=_count)
    socket_bytes: int = field(default=64 * KIB, validator=_count)


@frozen(kw_only=True)
class Settings:
    """Limits (counts and bytes) and time-outs (seconds) of a server. A wrong type or range: `ValueError`, `TypeError`.

    - `max_consumers`: consumers alive at once; beyond it connections are refused with 503.
    - `max_header_size`, `max_header_fields`: bytes and fields of a request's head and of its trailers (431).
    - `body_buffer`: a body whose `content-length` is at most this many bytes comes whole in `http.request`.
    - `mailbox`: the bound of each consumer's mailbox.
    - `header_timeout`: a request's head must be complete in this time (408); an idle connection is closed after it.
    - `body_timeout`: a request body must bring 1 KiB, or its end, in each such time (408).
    - `response_timeout`: a response must begin in this time after the body's last byte was delivered (503).
    - `handshake_timeout`: a WebSocket must be accepted or rejected in this time (503); also how long a close may take.
    - `send_timeout`: a client that takes no byte for this time is cut off.
    - `grace`: how long calls may go on after their connection has ended, and how long a drain may take.
    - `websocket_max_size`: bytes of a WebSocket message (1009).
    - `allowed_origins`: origins (`https://example.org`) that may open WebSockets beside the page's own; `*` is all.
    - `threads`: worker threads for synchronous consumers.
    - `access_log`: whether each request is logged to the logger `seaway.access`.
    """

    max_consumers: int = field(default=10_000, validator=_count)
    max_header_size: int = field(default=32 * KIB, validator=_count)
    max_header_fields: int = field(default=100, validator=_count)
    body_buffer: int = field(default=64 * KIB, validator=validators.ge(0))
    mailbox: Mailbox = field(factory=Mailbox, validator=validators.instance_of(Mailbox))
    header_timeout: float = field(default=10.0, validator=_seconds)
    body_timeout: float = field(default=30.0, validator=_seconds)
    response_timeout: float = field(default=60.0, validator=_seconds)
    handshake_timeout: float = field(default=10.0, validator=_seconds)
    send_timeout: float = field(default=30.0, validator=_seconds)
    grace: float = field(default=10.0, validator=_seconds)
    websocket_max_size: int = field(default=MIB, validator=_count)
    allowed_origins: frozenset[str] = field(default=frozenset(), converter=_origins)
    threads: int = field(default=32, validator=_count)
    access_log: bool = True

    @property
    def resolution(self) -> float:
        """How often deadlines are looked at, in seconds: a time-out fires at most this much late, never early."""
        shortest = min(
            self.header_timeout,
            self.body_timeout,
            self.response_timeout,
            self.handshake_timeout,
            self.send_timeout,
            self.grace,
        )
        return min(0.5, max(0.02, shortest / 4))

"""One HTTP request and its response, for every version of HTTP: what the consumer may send when (HTTP chapter).

Rules of this file: it knows messages and states, no framing. The wire below it frames: it gets header lines that are
encoded already, because most repeat and are looked up.
"""

from __future__ import annotations

import http
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from seaway.spec.checks import (
    FROM_CONSUMER,
    check_http_response,
    check_http_response_body,
    check_http_response_informational,
    check_http_response_trailers,
    check_server_wake_from,
)
from seaway.spec.errors import InvalidMessage, invalid
from seaway.spec.messages import MESSAGES
from seaway.spec.values import normalise

from ..runner import ConnectionEnded

if TYPE_CHECKING:
    from ..runner import Message, Runner
    from .connection import Host

__all__ = ["HTTPExchange", "Wire", "encode_fields", "message_type", "wake", "with_date"]

NEW, WAITING, BODY, TRAILERS, COMPLETE, ENDED = range(6)
_STATES = ("before the first message", "before the response", "in the body", "before the trailers", "complete", "ended")
_NOT_KEPT = frozenset({b"set-cookie", b"authorization", b"cookie", b"content-length", b"connection", b"date"})
_KNOWN_LINES = 1024

_lines: dict[tuple[bytes, bytes], bytes] = {}  # field: its line; bounded, and never what is secret or decides framing


class Wire(Protocol):
    """The connection or stream that carries an exchange."""

    host: Host
    paused: bool
    lost: bool

    def respond(
        self, status: int, lines: list[bytes], length: int | None, body: bytes, more: bool, trailers: bool
    ) -> None: ...
    def respond_body(self, body: bytes, more: bool, trailers: bool) -> None: ...
    def respond_trailers(self, lines: list[bytes]) -> None: ...
    def inform(self, status: int, lines: list[bytes]) -> None: ...
    def response_complete(self) -> None: ...
    def settle_later(self, exchange: HTTPExchange) -> None: ...
    def consumer_returned(self) -> None: ...
    def close_after_response(self) -> None: ...
    def cut(self) -> None: ...


class HTTPExchange:
    """The state of one exchange. `send` is what the consumer gets."""

    type = "http"

    # Values of the class are where an exchange begins: one object for each request, so each assignment counts.
    state = NEW
    status = 0
    sent = 0
    waiting: Message | None = None
    runner: Runner  # set by `begin`
    _left: int | None = None
    _trailers = False
    _note: Any = None

    def __init__(self, wire: Any, *, bodyless: bool) -> None:
        self.wire: Wire = wire
        self.bodyless = bodyless

    # -- the consumer's side -------------------------------------------------------------------------------

    @property
    def started(self) -> bool:
        """Whether the first message has reached the consumer."""
        return self.state != NEW

    @started.setter
    def started(self, value: bool) -> None:
        if value and self.state == NEW:
            self.state = WAITING

    async def send(self, message: Message) -> None:
        """Send one message to the client (CON, rule 9).

        Waits while the client is slow. `ValueError` names the requirement that the message breaks and leaves the
        exchange as it was; `ConnectionError` once the connection has ended.
        """
        wire = self.wire
        if wire.paused:
            message = normalise(message)  # the caller may change its own while this waits (CON-063)
            while wire.paused and not wire.lost:
                await wire.host.room(wire)  # type: ignore[arg-type]
        self.emit(message)

    def emit(self, message: Message) -> None:
        """As `send`, without waiting for room."""
        kind = message_type(message)
        state = self.state
        if state == ENDED:
            raise ConnectionEnded(self)
        if state == NEW:
            raise _wrong("CON-029", kind, state)
        if kind == "http.response":
            if state != WAITING:
                raise _wrong("HTTP-026", kind, state)
            self._response(message)
        elif kind == "http.response.body":
            if state != BODY:
                raise _wrong("HTTP-026", kind, state)
            self._body(message)
        elif kind == "http.response.trailers":
            if state != TRAILERS:
                raise _wrong("HTTP-026", kind, state)
            self._send_trailers(message)
        elif kind == "http.response.informational":
            if state != WAITING:
                raise _wrong("HTTP-026", kind, state)
            check_http_response_informational(message)
            lines, length, _ = encode_fields(message.get("headers", ()))
            if length is not None:  # belongs to what has a body (RFC 9110, 8.6)
                lines = [line for line in lines if not line.startswith(b"content-length:")]
            self.wire.inform(message["status"], lines)
        elif kind == "server.wake":
            wake(self, message)
        else:
            raise invalid("type", "a message that an http consumer may send", kind, "HTTP-026")

    def _response(self, message: Message) -> None:
        check_http_response(message)
        status = message["status"]
        body = message.get("body", b"")
        more = message.get("more_body", False)
        trailers = message.get("trailers", False)
        lines, length, close = encode_fields(message.get("headers", ()))
        if status == 204 or status == 304:
            self.bodyless = True
            if length is not None and status == 204:  # has none, whatever the consumer gave (HTTP-043)
                lines = [line for line in lines if not line.startswith(b"content-length:")]
        if length is not None and not self.bodyless:
            self._check_length(length, body, more)
        if close:
            self.wire.close_after_response()
        self.status = status
        self._trailers = trailers
        self.state = BODY if more else TRAILERS if trailers else COMPLETE
        self.sent = 0 if self.bodyless else len(body)
        self.wire.respond(status, lines, length, body, more, trailers)
        if self.state == COMPLETE:
            self._complete()

    def _body(self, message: Message) -> None:
        check_http_response_body(message)
        body = message.get("body", b"")
        more = message.get("more_body", False)
        if self._left is not None:
            self._check_length(self._left, body, more)
        if not more:
            self.state = TRAILERS if self._trailers else COMPLETE
        if not self.bodyless:
            self.sent += len(body)
        self.wire.respond_body(body, more, self._trailers)
        if self.state == COMPLETE:
            self._complete()

    def _check_length(self, left: int, body: bytes, more: bool) -> None:
        if len(body) > left:
            raise invalid("body", f"at most {left} bytes more, by its content-length", len(body), "HTTP-038")
        if not more and len(body) < left:
            self.wire.cut()
            raise invalid("body", f"{left} bytes more, by its content-length", len(body), "HTTP-039")
        self._left = left - len(body)

    def _send_trailers(self, message: Message) -> None:
        check_http_response_trailers(message)
        lines, _, _ = encode_fields(message.get("headers", ()))
        self.state = COMPLETE
        self.wire.respond_trailers(lines)
        self._complete()

    def _complete(self) -> None:
        if self.wire.paused:  # the client may yet go without it
            self.wire.settle_later(self)
        else:
            self.settle(complete=True)
        self.wire.response_complete()

    def settle(self, *, complete: bool) -> None:
        """The consumer's response has gone out, or the client has gone before (HTTP-012)."""
        self.runner.finish({"type": "http.disconnect", "complete": complete})
        self._answered()

    # -- the runner's side ---------------------------------------------------------------------------------

    def returned(self) -> None:
        """The consumer has returned from the part of the request that was delivered last."""
        self.waiting = None
        if self.state < COMPLETE:  # later the wire may carry another exchange already
            self.wire.consumer_returned()

    def resume(self) -> None:
        """A request body is delivered part by part: its mailbox cannot be full."""

    def failed(self) -> None:
        """The consumer raised: 500 if no response has begun, else an incomplete one (CON, rule 6)."""
        self.refuse(500)

    def end(self, code: int, status: int) -> None:
        """The server ends the exchange: `status` if no response has begun, else an incomplete one."""
        self.refuse(status)

    # -- the connection's side -----------------------------------------------------------------------------

    def begin(self, runner: Runner, message: Message) -> None:
        """The first message, for the runner that was made for this exchange."""
        self.runner = runner
        self._note = self.wire.host.opened(message)
        runner.file_socket(message, len(message["body"]))

    def refuse(self, status: int) -> None:
        """The server answers instead of the consumer, or cuts a response that has begun."""
        if self.state in (COMPLETE, ENDED):
            return
        if self.state in (BODY, TRAILERS):
            self.wire.cut()
            return
        self.state = ENDED  # complete is what the consumer itself has made (HTTP-027)
        self.status = status
        body = f"{status} {http.HTTPStatus(status).phrase}\n".encode()
        lines = [b"content-type: text/plain; charset=utf-8\r\n"]
        if status == 503:
            lines.append(b"retry-after: 1\r\n")
            self.wire.close_after_response()
        self.sent = 0 if self.bodyless else len(body)
        self.wire.respond(status, lines, None, body, False, False)
        self.runner.finish({"type": "http.disconnect", "complete": False})
        self._answered()
        self.wire.response_complete()

    def disconnected(self) -> None:
        """The connection is gone: nothing can be sent any more."""
        if self.state in (COMPLETE, ENDED):
            return
        self.state = ENDED
        self.runner.finish({"type": "http.disconnect", "complete": False})
        self._answered()

    def _answered(self) -> None:
        if self._note is not None:
            self.wire.host.answered(self._note, self.status, self.sent)


def wake(exchange: Any, message: Message) -> None:
    """The consumer of `exchange` asks to be called again, or no more (SRV-018 to SRV-025)."""
    message = normalise(message)
    check_server_wake_from(message)
    if exchange.runner.phase:
        raise ConnectionEnded(exchange)
    exchange.runner.wake_after(message["after"])


def _own_keys(kind: str) -> frozenset[str]:
    classes = [one for one in MESSAGES.values() if one.type == kind]
    return frozenset(["type", *(field.name for one in classes for field in attrs.fields(one))])


_KEYS = {kind: _own_keys(kind) for kind in FROM_CONSUMER}


def message_type(message: Any) -> str:
    """The type of a message that a consumer sends. `InvalidMessage` if it is none.

    The check of a type looks at the keys that it knows; a message with others is looked at as a whole (MSG-011).
    """
    if isinstance(message, dict):
        kind = message.get("type")
        if kind.__class__ is str:
            known = _KEYS.get(kind)
            if known is not None and known.issuperset(message):
                return kind
    return normalise(message)["type"]  # type: ignore[no-any-return]


def encode_fields(headers: Any) -> tuple[list[bytes], int | None, bool]:
    """The lines of checked response fields; the declared content-length; whether `connection: close` is among them."""
    lines: list[bytes] = []
    length: int | None = None
    close = False
    for pair in headers:
        if pair.__class__ is not tuple:
            pair = tuple(pair)
        line = _lines.get(pair)
        if line is None:
            name, value = pair
            if name == b"content-length":
                length = int(value)
            elif name == b"connection":  # its value is `close`: any other was refused
                close = True
                continue
            line = b"%b: %b\r\n" % pair
            if len(line) <= 256 and name not in _NOT_KEPT:
                if len(_lines) >= _KNOWN_LINES:
                    _lines.clear()
                _lines[pair] = line
        lines.append(line)
    return lines, length, close


def with_date(lines: list[bytes], date: bytes) -> bytes:
    """The lines as one, with the line `date` unless they have one (HTTP-044)."""
    fields = b"".join(lines)
    return fields if fields.startswith(b"date:") or b"\r\ndate:" in fields else fields + date


def _wrong(requirement: str, kind: str, state: int) -> InvalidMessage:
    return invalid("type", f"a message that may be sent {_STATES[state]}", kind, requirement)

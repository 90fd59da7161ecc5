"""The state of one WebSocket, whatever carries it: what the consumer may send when (WebSocket chapter).

Rules of this file: it knows messages and states, no frames. What carries it writes, and says what the client does.
"""

from __future__ import annotations

import http
from typing import TYPE_CHECKING, Any

from seaway.spec.checks import (
    check_websocket_accept,
    check_websocket_close,
    check_websocket_reject,
    check_websocket_send,
)
from seaway.spec.errors import invalid
from seaway.spec.values import normalise

from ..runner import ConnectionEnded
from .connection import Connection, Host
from .exchange import encode_fields, message_type, wake

if TYPE_CHECKING:
    from ..runner import Message, Runner

__all__ = ["CLOSED", "CLOSING", "CONNECTING", "FAILED", "OPEN", "WebSocketState"]

CONNECTING, OPEN, CLOSING, FAILED, CLOSED = range(5)
_STATES = ("before it is accepted", "while it is open", "while it closes", "while it closes", "after it has ended")


class WebSocketState(Connection):
    """What the consumer may do and the server does to a WebSocket. `send` is what the consumer gets."""

    __slots__ = ("_ended", "_note", "_state", "_subprotocols", "runner", "started", "waiting")
    type = "websocket"

    def __init__(self, host: Host, subprotocols: tuple[str, ...]) -> None:
        super().__init__(host)
        self.runner: Runner = None  # type: ignore[assignment]  # set by begin, before anything else
        self.started = False
        self.waiting: Message | None = None
        self._subprotocols = subprotocols
        self._state = CONNECTING
        self._ended = False  # by the client or the server: what the consumer ended itself is only closing or closed
        self._note: Any = None

    def _begin(self, runner: Runner, message: Message) -> None:
        """The first message, for the runner that was made for this WebSocket."""
        self.runner = runner
        self._note = self.host.opened(message)
        self.arm(self.host.settings.handshake_timeout)
        runner.file_socket(message, 0)

    # -- the consumer's side -------------------------------------------------------------------------------

    async def send(self, message: Message) -> None:
        """Send one message to the client (CON, rule 9).

        Waits while the client is slow. `ValueError` names the requirement that the message breaks and leaves the
        WebSocket as it was; `ConnectionError` once it has ended.
        """
        if self.paused:
            message = normalise(message)  # the caller may change its own while this waits (CON-063)
            while self.paused and not self.lost:
                await self.host.room(self)
        self.emit(message)

    def emit(self, message: Message) -> None:
        """As `send`, without waiting for room."""
        kind = message_type(message)
        if not self.started:
            raise invalid("type", "nothing before the consumer's first message", kind, "CON-029")
        if self._ended:
            raise ConnectionEnded(self)
        if kind == "websocket.send":
            check_websocket_send(message)
            if self._state >= CLOSING:
                self._expect(OPEN, kind)
            if self._state == CONNECTING:
                self._accept({"type": "websocket.accept"})
            self._write_message(message)
        elif kind == "websocket.accept":
            self._expect(CONNECTING, kind)
            check_websocket_accept(message)
            self._accept(message)
        elif kind == "websocket.close":
            if self._state == CONNECTING:
                raise invalid("type", "websocket.reject: nothing is open yet that could be closed", kind, "WS-018")
            self._expect(OPEN, kind)
            check_websocket_close(message)
            self._close(message.get("code", 1000), message.get("reason", ""))
        elif kind == "websocket.reject":
            self._expect(CONNECTING, kind)
            check_websocket_reject(message)
            self._reject(message.get("status", 403), message.get("headers", ()), message.get("body", b""))
        elif kind == "server.wake":
            wake(self, message)
        else:
            raise invalid("type", "a message that a websocket consumer may send", kind, "WS-015")

    def _expect(self, state: int, kind: str) -> None:
        if self._state != state:
            raise invalid("type", f"a message that may be sent {_STATES[self._state]}", kind, "WS-015")

    def _accept(self, message: Message) -> None:
        subprotocol, offered = message.get("subprotocol"), self._subprotocols
        if subprotocol is not None and subprotocol not in offered:
            raise invalid("subprotocol", f"one of {offered}, which the client offers", subprotocol, "WS-019")
        lines, _, _ = encode_fields(message.get("headers", ()))
        self._write_accept(subprotocol, lines)
        self._subprotocols = ()
        self._state = OPEN
        self._answered(101, 0)
        self._opened()

    def _reject(self, status: int, headers: Any, body: bytes) -> None:
        lines, length, _ = encode_fields(headers)
        if status == 204 or status == 304:
            body = b""
            lines = [line for line in lines if not line.startswith(b"content-length:")]
        elif length is None:
            lines.append(b"content-length: %d\r\n" % len(body))
        elif length != len(body):
            raise invalid("headers", f"content-length {len(body)}, or none", length, "HTTP-038")
        if status == 503:
            lines.append(b"retry-after: 1\r\n")
        self._write_reject(status, lines, body)
        self._answered(status, len(body))
        self._finish(1006, "")
        self._state = FAILED
        self._part()

    def _close(self, code: int, reason: str) -> None:
        self._write_close(code, reason)
        self._finish(code, reason)
        self._state = CLOSING
        self.arm(self.host.settings.handshake_timeout)
        self._closing_begun()

    @property
    def is_open(self) -> bool:
        """Whether it was accepted and nobody has begun to close it."""
        return self._state == OPEN

    # -- what carries it fills in --------------------------------------------------------------------------

    def _write_accept(self, subprotocol: str | None, lines: list[bytes]) -> None:
        raise NotImplementedError

    def _write_message(self, message: Message) -> None:
        raise NotImplementedError

    def _write_close(self, code: int, reason: str) -> None:
        raise NotImplementedError

    def _write_reject(self, status: int, lines: list[bytes], body: bytes) -> None:
        raise NotImplementedError

    def _opened(self) -> None:
        """It was accepted: messages may come."""
        raise NotImplementedError

    def _closing_begun(self) -> None:
        """A close of our own was written: what still comes is discarded."""
        raise NotImplementedError

    def _part(self) -> None:
        """All is said: let the client take what was written, and close."""
        raise NotImplementedError

    # -- the runner's side ---------------------------------------------------------------------------------

    def returned(self) -> None:
        """Nothing waits for a return here: `waiting` is never set."""

    def resume(self) -> None:
        """The mailbox has room: go on."""
        raise NotImplementedError

    def failed(self) -> None:
        """The consumer raised: 500 before it was accepted, else 1011 (CON, rule 6)."""
        self.end(1011, 500)

    def end(self, code: int, status: int) -> None:
        """The server ends the WebSocket: `status` before it was accepted, else `code`."""
        self._ended = self._ended or self._state in (CONNECTING, OPEN)
        if self._state == CONNECTING:
            phrase = http.HTTPStatus(status).phrase
            self._reject(status, [(b"content-type", b"text/plain")], f"{status} {phrase}\n".encode())
        elif self._state == OPEN:
            self._close(code, "")

    # -- the connection's side -----------------------------------------------------------------------------

    def retire(self) -> None:
        """The server stops: its consumers are told, and ended one after another, by the server."""

    def ended(self) -> None:
        """The client is gone."""
        self._end_as(1006, "")

    def _end_as(self, code: int, reason: str) -> None:
        if self._state in (CONNECTING, OPEN):
            if self._state == CONNECTING:
                self._answered(0, 0)
            self._ended = True
            self._finish(code, reason)
        self._state = CLOSED

    def _finish(self, code: int, reason: str) -> None:
        self.runner.finish({"type": "websocket.disconnect", "code": code, "reason": reason})

    def _answered(self, status: int, size: int) -> None:
        if self._note is not None:
            self.host.answered(self._note, status, size)
            self._note = None

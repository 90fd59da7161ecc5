"""The client's side of a WebSocket: what a test does, and what has come to it.

Rules of this module: it knows no frames. What may come when is said by the table of states (WebSocket chapter).
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from attrs import frozen

from seaway.conformance.harness.connection import Connection, Message, invalid
from seaway.conformance.harness.http import Response
from seaway.conformance.harness.requests import Headers, websocket_connect

if TYPE_CHECKING:
    from typing import Self

    from seaway.conformance.harness.core import Core

_CLIENT_CODES = frozenset({*range(1000, 1004), 1005, *range(1007, 1015)})
_DRAIN_CODES = {"shutdown": 1012, "max_age": 1012, "overload": 1013}


@frozen
class Close:
    """How a WebSocket was closed: *code* and *reason*; 1006 if the client saw no close frame."""

    code: int
    reason: str = ""


@frozen
class Accepted:
    """How a WebSocket was accepted."""

    subprotocol: str | None
    headers: list[tuple[bytes, bytes]]


class Socket(Connection):
    """One WebSocket, on the consumer's side."""

    type = "websocket"

    def __init__(self, core: Core, target: str, headers: Headers, subprotocols: Sequence[str]) -> None:
        super().__init__(core, websocket_connect(target, headers, subprotocols), f"WebSocket {target}")
        self.accepted: Accepted | None = None
        self.rejected: Response | None = None
        self.closed: Close | None = None
        self.unread: deque[Message] = deque()
        self._subprotocols = subprotocols
        self._timer: Any = None

    # The client

    def put(self, what: Message | Close) -> None:
        """The client has sent a message, or a close frame; `Close` with 1006 is a connection that is lost."""
        self._wire.append(what)
        self.read()

    def read(self) -> None:
        """See `Connection.read`: once the WebSocket is accepted (WS-005), and while there is room (CON-040)."""
        if self.accepted is None and not self.has_ended and Close(1006) in self._wire:
            self.lost()
        while self.accepted is not None and self._wire and not self.has_ended and self.mailbox.takes_socket:
            what = self._wire.popleft()
            if isinstance(what, Close):
                self._end(what.code, what.reason)
            elif _size(what) > self.core.limits.websocket_max_size:
                self._end(1009, "the message is too large")
            else:
                self.file_socket(what)

    def lost(self) -> None:
        """See `Connection.lost`."""
        if self.rejected is None:
            self._end(1006)

    def drain(self, reason: str, grace: float) -> None:
        """The server is going to close."""
        self.file_socket({"type": "server.drain", "reason": reason, "grace": grace})

    def drained(self, reason: str) -> None:
        """The server closes (SRV-005)."""
        if not self.has_ended:
            if self.accepted is None:
                self._refuse(503)
            else:
                self._end(_DRAIN_CODES[reason])

    # The consumer

    def given(self, message: Message) -> None:
        """See `Connection.given`."""
        if message["type"] == "websocket.connect" and not self.has_ended:
            self._timer = self.core.clock.later(self.core.limits.handshake_timeout, lambda: self._refuse(503))

    def check(self, message: Message) -> None:
        """See `Connection.check`."""
        if message["type"] == "websocket.accept":
            chosen = message.get("subprotocol")
            if chosen is not None and chosen not in self._subprotocols:
                raise invalid("subprotocol", f"one of {list(self._subprotocols)!r}, or none", chosen, "WS-019")
        elif message["type"] == "websocket.reject" and message.get("status", 403) not in (204, 304):
            body = message.get("body", b"")
            for name, value in message.get("headers", ()):
                if name == b"content-length" and int(value) != len(body):
                    raise invalid("headers", f"content-length {len(body)}, or none", value, "HTTP-038")

    def take(self, message: Message) -> None:
        """See `Connection.take`."""
        kind = message["type"]
        if kind == "websocket.accept":
            self._accept(message.get("subprotocol"), _pairs(message))
        elif kind == "websocket.reject":
            status = message.get("status", 403)
            self._answer(Response(status, _pairs(message), message.get("body", b""), is_complete=True))
            self.finish(_disconnect(1006), own=True)
        elif kind == "websocket.close":
            self.closed = Close(message.get("code", 1000), message.get("reason", ""))
            self.finish(_disconnect(self.closed.code, self.closed.reason), own=True)
        else:
            if self.accepted is None:
                self._accept(None, [])
            self.unread.append({"type": kind, "text": message.get("text"), "bytes": message.get("bytes")})

    def failed(self) -> None:
        """See `Connection.failed`."""
        if self.accepted is None:
            self._refuse(500)
        else:
            self._end(1011)

    def _accept(self, subprotocol: str | None, headers: list[tuple[bytes, bytes]]) -> None:
        self._stop_timer()
        self.accepted = Accepted(subprotocol, headers)
        self.read()

    def _refuse(self, status: int) -> None:
        if self.rejected is None:
            self._answer(Response(status, [], is_complete=True))
            self.finish(_disconnect(1006))

    def _answer(self, response: Response) -> None:
        self._stop_timer()
        self.rejected = response

    def _end(self, code: int, reason: str = "") -> None:
        self._stop_timer()
        if not self.has_ended:
            self.closed = Close(code, reason)
            self.finish(_disconnect(code, reason))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


class WebSocket:
    """A WebSocket as a test holds it. Made by `Harness.websocket`; leaving its ``async with`` is the client closing."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket

    @property
    def channel(self) -> str:
        """The consumer's channel."""
        return self._socket.channel

    @property
    def given(self) -> list[Message]:
        """The messages that the consumer was called with, so far."""
        return self._socket.transcript.to_consumer

    @property
    def sent(self) -> list[Message]:
        """The messages that the consumer has sent, so far."""
        return self._socket.transcript.from_consumer

    async def __aenter__(self) -> Self:
        self._socket.core.begin(self._socket)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.resume()
        await (self.close() if self._socket.accepted is not None else self.lose())
        if error is None:
            await self._socket.core.expect(lambda: self._socket.is_over, "the consumer to end", self._socket)

    # What the client does

    async def send(self, *, text: str | None = None, bytes: bytes | None = None, json: Any = None) -> None:
        """Send one message: a text, bytes, or what is to be sent as JSON text. Does not wait for the consumer."""
        given = [value for value in (text, bytes, json) if value is not None]
        if len(given) != 1:
            raise TypeError("send takes exactly one of text=…, bytes=… and json=…")
        if json is not None:
            text = _dumps(json)
        self._socket.put({"type": "websocket.receive", "text": text, "bytes": bytes})

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Send a close frame; a code of 1005 stands for one without a code."""
        if not (code in _CLIENT_CODES or 3000 <= code <= 4999):
            raise ValueError(f"a client does not send the close code {code}; lose() is a connection that breaks (1006)")
        self._socket.put(Close(code, reason))

    async def lose(self) -> None:
        """Be gone without a close frame: the consumer sees 1006."""
        self._socket.put(Close(1006))

    def pause(self) -> None:
        """Stop reading: from now on the consumer's `send` waits (CON-062), for `Limits.send_timeout` at most."""
        self._socket.hold()

    def resume(self) -> None:
        """Read again."""
        self._socket.flow()

    # What the server and the layer do

    async def gap(self, *, dropped: int | None = None, reason: str = "lost") -> None:
        """Let the consumer be told that messages of the layer are missing (``layer.gap``)."""
        self._socket.file_layer({"type": "layer.gap", "reason": reason, "dropped": dropped})

    async def drain(self, reason: str = "overload", *, grace: float = 10.0) -> None:
        """Let the server give ``server.drain``, and close once all consumers are idle: 1013 for overload, else 1012."""
        self._socket.drain(reason, grace)
        await self._socket.core.settle()
        self._socket.drained(reason)

    # What is expected

    async def accepted(self) -> Accepted:
        """Return how the consumer has accepted."""
        socket = self._socket
        await self._expect(lambda: socket.accepted is not None, "the WebSocket to be accepted")
        assert socket.accepted is not None
        return socket.accepted

    async def rejected(self) -> Response:
        """Return the response with which the handshake was refused."""
        socket = self._socket
        await self._expect(lambda: socket.rejected is not None, "the WebSocket to be rejected")
        assert socket.rejected is not None
        return socket.rejected

    async def receive(self) -> Message:
        """Return the next ``websocket.send`` of the consumer, with both keys, `text` and `bytes`."""
        await self._expect(lambda: bool(self._socket.unread), "a message")
        return self._socket.unread.popleft()

    async def receive_text(self) -> str:
        """Return the next message, which is text."""
        message = await self.receive()
        if message["text"] is None:
            raise self._socket.core.failure("a text message", self._socket, f"got bytes: {message['bytes']!r}")
        return str(message["text"])

    async def receive_json(self) -> Any:
        """Return what the next message, a text, says in JSON."""
        return json.loads(await self.receive_text())

    async def nothing(self) -> None:
        """Return when all consumers are idle; no message has come that was not received."""
        await self._socket.core.settle()
        if self._socket.unread:
            raise self._socket.core.failure("no message", self._socket, f"got {self._socket.unread[0]!r}")

    async def closed(self) -> Close:
        """Return how the WebSocket was closed, by the consumer, the server or the client. Unread messages stay."""
        socket = self._socket
        await socket.core.expect(lambda: socket.closed is not None, "the WebSocket to be closed", socket)
        assert socket.closed is not None
        return socket.closed

    async def _expect(self, ready: Any, expected: str) -> None:
        """As `Core.expect`; it fails at once when the WebSocket has ended."""
        socket = self._socket
        await socket.core.expect(lambda: ready() or socket.is_over, expected, socket)
        if not ready():
            how = (
                f"it was rejected with {socket.rejected.status}"
                if socket.rejected
                else f"it was closed: {socket.closed}"
            )
            raise socket.core.failure(expected, socket, how)


def _disconnect(code: int, reason: str = "") -> Message:
    return {"type": "websocket.disconnect", "code": code, "reason": reason}


def _pairs(message: Message) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in message.get("headers", ())]


def _size(message: Message) -> int:
    text, data = message["text"], message["bytes"]
    return len(text.encode()) if text is not None else len(data)


def _dumps(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))

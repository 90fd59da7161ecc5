"""One WebSocket over ASGI events, where a server in front has the frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..protocols.handshake import check_origin
from ..protocols.head import Refused
from ..protocols.opening import websocket_connect
from ..protocols.websocket_state import CLOSED, CONNECTING, OPEN, WebSocketState
from .opening import addresses_of, complete, fields_of, head_of

if TYPE_CHECKING:
    from ..protocols.connection import Host
    from ..protocols.head import Head
    from ..runner import Message
    from .transport import Event, EventTransport

__all__ = ["ASGIWebSocket"]


class ASGIWebSocket(WebSocketState):
    """One call with a scope of type `websocket`."""

    def __init__(self, host: Host, scope: Any) -> None:
        super().__init__(host, tuple(scope.get("subprotocols") or ()))
        self._state = CLOSED  # until there is a consumer
        self._scope = scope
        self._can_answer = "websocket.http.response" in (scope.get("extensions") or {})

    # -- the driver's side ---------------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        """The call begins."""
        super().connection_made(transport)
        self._out: EventTransport = transport

    def event_received(self, event: Event) -> None:
        """The client's handshake, or a message of its."""
        if event["type"] == "websocket.connect":
            try:
                self._open()
            except Refused as refused:
                self._refuse(refused)
        elif event["type"] == "websocket.receive" and self._state == OPEN:
            self._deliver(event.get("text"), event.get("bytes"))

    def _open(self) -> None:
        if not self.host.takes("websocket"):
            raise Refused(501, "WebSocket is not served here")
        head = head_of(self._scope)
        check_origin(_by_name(head), self.host.settings.allowed_origins)
        runner = self.host.begin(self)
        if runner is None:
            raise Refused(503, "as many consumers as this server may have are alive")
        message = websocket_connect(head, addresses_of(self._scope), self._subprotocols)
        self._state = CONNECTING
        self._begin(runner, complete(message, self._scope))
        if self.host.draining is not None:
            runner.file_control(dict(self.host.draining))

    def _deliver(self, text: str | None, data: bytes | None) -> None:
        message: Message
        if text is not None:
            size = len(text)
            message = {"type": "websocket.receive", "text": text}
        else:
            data = data or b""
            size = len(data)
            message = {"type": "websocket.receive", "bytes": data}
        most = self.host.settings.websocket_max_size
        if size > most or (text is not None and 4 * size > most and len(text.encode()) > most):
            self.end(1009, 503)
        elif not self.runner.file_socket(message, size):
            self.read(False)

    def disconnected(self, event: Event) -> None:
        """The client, or the server in front, has ended it."""
        self.lost = True
        if self._state in (CONNECTING, OPEN):
            code = event.get("code") or 1005
            self._end_as(1006 if self._state == CONNECTING else code, event.get("reason") or "")
            self._out.abort()
        else:  # a close of our own is on its way, or nothing is
            self.close()

    def timed_out(self) -> None:
        """Neither accepted nor rejected in time: 503. A close that the server in front does not carry out: the end."""
        if self._state == CONNECTING:
            self.end(1013, 503)
        else:
            self.transport.abort()

    def resume(self) -> None:
        """The mailbox has room: go on asking for messages."""
        self.read(True)

    # -- what is written -----------------------------------------------------------------------------------

    def _write_accept(self, subprotocol: str | None, lines: list[bytes]) -> None:
        self._out.write({"type": "websocket.accept", "subprotocol": subprotocol, "headers": fields_of(lines)})

    def _write_message(self, message: Message) -> None:
        text, data = message.get("text"), message.get("bytes")
        if text is not None:
            self._out.write({"type": "websocket.send", "text": text}, len(text))
        else:
            assert data is not None
            self._out.write({"type": "websocket.send", "bytes": data}, len(data))

    def _write_close(self, code: int, reason: str) -> None:
        self._out.write({"type": "websocket.close", "code": code, "reason": reason})

    def _write_reject(self, status: int, lines: list[bytes], body: bytes) -> None:
        if self._can_answer:
            headers = fields_of(lines)
            self._out.write({"type": "websocket.http.response.start", "status": status, "headers": headers})
            self._out.write({"type": "websocket.http.response.body", "body": body}, len(body))
        else:  # the server in front answers 403, whatever the status was to be
            self._out.write({"type": "websocket.close", "code": 1000, "reason": ""})

    def _opened(self) -> None:
        self.disarm()

    def _closing_begun(self) -> None:
        self.close()

    def _part(self) -> None:
        self.close()

    def _refuse(self, refused: Refused) -> None:
        """Answer a handshake whose consumer does not begin."""
        text = f"{refused.status}: {refused}\n".encode()
        lines = [b"content-type: text/plain; charset=utf-8\r\n", b"content-length: %d\r\n" % len(text)]
        if refused.status == 503:
            lines.append(b"retry-after: 1\r\n")
        self._write_reject(refused.status, lines, text)
        self._part()


def _by_name(head: Head) -> dict[bytes, list[bytes]]:
    fields: dict[bytes, list[bytes]] = {}
    for name, value in head.headers:
        fields.setdefault(name, []).append(value)
    return fields

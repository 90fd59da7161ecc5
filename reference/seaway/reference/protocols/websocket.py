"""One WebSocket: the consumer's messages into frames, and frames into messages (WebSocket chapter, RFC 6455).

Rules of this file:

- Bytes behind the frame that filled the mailbox stay in the buffer, and the socket is not read, until `resume`.
- What a frame's header already rules out (masks, reserved bits, length) is refused before its payload has come.
"""

from __future__ import annotations

import http
from typing import TYPE_CHECKING

from .connection import Host
from .exchange import with_date
from .frames import BINARY, CLOSE, PING, PONG, TEXT, ProtocolError, close_payload, frame, read_close
from .websocket_state import CLOSED, CONNECTING, FAILED, OPEN, WebSocketState

try:
    from websockets.speedups import apply_mask
except ImportError:  # the wheel for this platform has no extension module
    from websockets.utils import apply_mask

if TYPE_CHECKING:
    from ..runner import Message, Runner
    from .handshake import Offer

__all__ = ["WebSocket"]

_PHRASES = {code.value: code.phrase.encode() for code in http.HTTPStatus}
_EARLY = 65_536  # bytes that a client may send before it is accepted
_MAX_FRAGMENTS = 4096
_LINGER = 2.0
_SILENCE = 19.0  # seconds without a byte of the client: then it is pinged, and given as long again (WS-046)
_KEPT = 16_384  # the longest text whose frame is kept for a broadcast


class WebSocket(WebSocketState):
    """One WebSocket over HTTP/1.1. `send` is what the consumer gets."""

    __slots__ = (
        "_accept_key", "_buffer", "_fragments", "_fragments_opcode", "_fragments_size", "_need", "_pong", "_silent",
        "_start",
    )  # fmt: skip

    def __init__(self, host: Host, offer: Offer) -> None:
        super().__init__(host, offer.subprotocols)
        self._accept_key = offer.accept
        self._silent = False
        self._buffer: bytes | bytearray | None = None  # bytes: what found the mailbox full, from `_start` on
        self._start = 0
        self._need = 0
        self._fragments: list[bytes] | None = None
        self._fragments_opcode = 0
        self._fragments_size = 0
        self._pong: bytes | None = None

    def begin(self, runner: Runner, message: Message, rest: bytes) -> None:
        """The first message, for the runner that was made for this WebSocket; `rest` came behind the handshake."""
        if rest:
            self._keep(rest)
        self._begin(runner, message)

    # -- what is written -----------------------------------------------------------------------------------

    def _write_message(self, message: Message) -> None:
        text = message.get("text")
        if text is None:
            self.transport.write(frame(BINARY, message["bytes"]))
            return
        kept, encoded = self.host.broadcast
        if text is not kept:
            encoded = frame(TEXT, text.encode())
            if len(encoded) <= _KEPT:
                self.host.broadcast = (text, encoded)
        self.transport.write(encoded)

    def _write_accept(self, subprotocol: str | None, lines: list[bytes]) -> None:
        if subprotocol is not None:
            lines.append(b"sec-websocket-protocol: %b\r\n" % subprotocol.encode())
        self.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
            b"sec-websocket-accept: %b\r\n%b\r\n" % (self._accept_key, with_date(lines, self.host.date))
        )

    def _write_reject(self, status: int, lines: list[bytes], body: bytes) -> None:
        self.transport.write(
            b"HTTP/1.1 %d %b\r\n%bconnection: close\r\n\r\n%b"
            % (status, _PHRASES.get(status, b""), with_date(lines, self.host.date), body)
        )

    def _write_close(self, code: int, reason: str) -> None:
        self.transport.write(frame(CLOSE, close_payload(code, reason)))

    def _opened(self) -> None:
        self._accept_key = b""
        self.arm(_SILENCE)
        self.read(True)
        if self._buffer:
            self.host.soon(self._catch_up)

    def _closing_begun(self) -> None:
        self.read(True)
        if self._buffer:  # the client's close frame may stand behind messages that found no room
            self._need = 0
            self.host.soon(self.resume)

    def _part(self) -> None:
        """Close, but let the client take what was written: unread input would reset it away."""
        self._buffer = None
        self.finish_writing(_LINGER)

    # -- the runner's side ---------------------------------------------------------------------------------

    def resume(self) -> None:
        """The mailbox has room: go on with what waits in the buffer, then with the socket."""
        if self._state >= FAILED or self._state == CONNECTING:
            return
        buffer, start = self._buffer, self._start
        self._buffer, self._start = None, 0
        self.read(True)
        if buffer:
            self._frames(bytes(buffer), start)

    def _catch_up(self) -> None:
        """Go on with what came before the WebSocket was accepted, unless the mailbox has filled since."""
        if self._reading:
            self.resume()

    # -- the connection's side -----------------------------------------------------------------------------

    def ended(self) -> None:
        """The client is gone."""
        super().ended()
        self._buffer = None

    def timed_out(self) -> None:
        """Neither accepted nor rejected in time: 503. Silent: a ping, then lost. A close without an answer: the end."""
        if self._state == CONNECTING:
            self.end(1013, 503)
        elif self._state == OPEN:
            if self._silent and self._reading:
                self.transport.abort()
                return
            self._silent = True
            self.arm(_SILENCE)
            if not self.paused:
                self.transport.write(frame(PING, b""))
        else:
            self.close()

    def resume_writing(self) -> None:
        """The transport has room: the latest ping that waits for its pong gets it (RFC 6455, 5.5.3)."""
        super().resume_writing()
        pong, self._pong = self._pong, None
        if pong is not None and self._state == OPEN:
            self.transport.write(frame(PONG, pong))

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        self._deadline = None if self._state == OPEN else self._deadline
        self._silent = False
        if self._state >= FAILED:
            return
        if self._buffer is None and self._reading and self._state != CONNECTING:
            self._frames(data, 0)
        else:
            self._keep(data)

    def _keep(self, data: bytes) -> None:
        """Put `data` behind what waits, and go on if that completes a frame."""
        buffer = self._buffer
        if buffer.__class__ is not bytearray:
            buffer = self._buffer = bytearray(buffer[self._start :] if buffer else b"")
            self._start = 0
        buffer += data
        if self._state == CONNECTING:
            if len(buffer) >= _EARLY:
                self.read(False)
        elif self._reading and len(buffer) >= self._need:
            self._buffer = None
            self._frames(bytes(buffer), 0)

    def _frames(self, data: bytes, position: int) -> None:
        """Work through the frames in `data`; what is incomplete, or has no room in the mailbox, goes to the buffer."""
        size = len(data)
        try:
            while size - position >= 2:
                first = data[position]
                length = data[position + 1]
                if length < 0x80:
                    raise ProtocolError(1002, "a frame that is not masked (RFC 6455, 5.1)")
                length -= 0x80
                start = position + 6
                if length > 125:
                    if first & 0x08:
                        raise ProtocolError(1002, "a control frame of more than 125 bytes (RFC 6455, 5.5)")
                    wide = 2 if length == 126 else 8
                    start += wide
                    if size < start - 4:
                        self._need = start - position
                        break
                    length = int.from_bytes(data[position + 2 : position + 2 + wide], "big")
                    if length < 126 or (wide == 8 and length < 0x10000):
                        raise ProtocolError(1002, "a length that is not in its shortest form (RFC 6455, 5.2)")
                if (first != 0x81 and first != 0x82) or self._fragments is not None:
                    self._check_first(first)
                if length + self._fragments_size > self.host.settings.websocket_max_size and not first & 0x08:
                    raise ProtocolError(1009, f"more than {self.host.settings.websocket_max_size} bytes in a message")
                end = start + length
                if end > size:
                    self._need = end - position
                    break
                payload = apply_mask(data[start:end], data[start - 4 : start])
                position = end
                if not self._frame(first, payload):
                    if position < size and self._state < FAILED:
                        self._buffer, self._start = data, position
                    return
            else:
                self._need = 2
        except ProtocolError as error:
            self._fail(error)
            return
        if position < size and self._state < FAILED:
            self._buffer = bytearray(data[position:] if position else data)

    def _check_first(self, first: int) -> None:
        if first & 0x70:
            raise ProtocolError(1002, "a reserved bit without an extension that gives it a meaning (RFC 6455, 5.2)")
        opcode = first & 0x0F
        if opcode in (CLOSE, PING, PONG):
            if first < 0x80:
                raise ProtocolError(1002, "a control frame in fragments (RFC 6455, 5.5)")
        elif opcode == 0:
            if self._fragments is None:
                raise ProtocolError(1002, "a continuation of nothing (RFC 6455, 5.4)")
        elif opcode in (TEXT, BINARY):
            if self._fragments is not None:
                raise ProtocolError(1002, "a new message inside a fragmented one (RFC 6455, 5.4)")
        else:
            raise ProtocolError(1002, "an opcode that is not defined (RFC 6455, 5.2)")

    def _frame(self, first: int, payload: bytes) -> bool:
        """One frame, complete and unmasked; returns whether the next one may come."""
        if first == 0x81 or first == 0x82:
            return self._deliver(first & 0x0F, payload)
        opcode = first & 0x0F
        if opcode == PING:
            if self.paused:
                self._pong = payload
            elif self._state == OPEN:
                self.transport.write(frame(PONG, payload))
            return True
        if opcode == PONG:
            return True
        if opcode == CLOSE:
            self._closed(*read_close(payload))
            return False
        if opcode:
            self._fragments = []
            self._fragments_opcode = opcode
        fragments = self._fragments
        assert fragments is not None
        fragments.append(payload)
        self._fragments_size += len(payload)
        if first < 0x80:
            if len(fragments) >= _MAX_FRAGMENTS:
                raise ProtocolError(1009, f"more than {_MAX_FRAGMENTS} fragments in a message")
            return True
        self._fragments = None
        self._fragments_size = 0
        return self._deliver(self._fragments_opcode, b"".join(fragments))

    def _deliver(self, opcode: int, payload: bytes) -> bool:
        if self._state != OPEN:
            return True
        if opcode == TEXT:
            try:
                text = payload.decode()
            except UnicodeDecodeError:
                raise ProtocolError(1007, "a text message that is not UTF-8 (RFC 6455, 8.1)") from None
            message: Message = {"type": "websocket.receive", "text": text}
        else:
            message = {"type": "websocket.receive", "bytes": payload}
        if self.runner.file_socket(message, len(payload)):
            return True
        self.read(False)
        return False

    def _closed(self, code: int, reason: str) -> None:
        """The client's close frame has come: answer it, unless it is an answer itself (RFC 6455, 5.5.1)."""
        if self._state == OPEN:
            self.transport.write(frame(CLOSE, close_payload(code, "")))
            self._ended = True
            self._finish(code, reason)
        self._state = CLOSED
        self.close()

    def _fail(self, error: ProtocolError) -> None:
        """The client broke the protocol: say so, and part (RFC 6455, 7.1.7)."""
        if self._state == OPEN:
            reason = str(error)[:120]
            self.transport.write(frame(CLOSE, close_payload(error.code, reason)))
            self._ended = True
            self._finish(error.code, reason)
        self._state = FAILED
        self._part()

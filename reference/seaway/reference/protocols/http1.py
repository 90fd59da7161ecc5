"""HTTP/1.0 and HTTP/1.1 on one connection: requests out of bytes, one exchange at a time, responses into bytes.

Rules of this file:

- The parser stops exactly after one request; what follows waits in the buffer until the response is complete.
- The next request is never begun inside a `send`: `_advancing` is set while bytes are worked on (see `_next`).
- A part of a body is handed on only after the consumer has returned from the one before (HTTP chapter).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import handshake
from .chunked import ChunkedDecoder
from .connection import Host
from .exchange import HTTPExchange
from .head import BARE_LF, Head, Refused, open_end, parse_head
from .opening import Addresses, http_request, websocket_connect
from .responses import BODY, BUSY, CLOSING, DISCARD, HEAD, WHOLE, ResponseSide
from .websocket import WebSocket

if TYPE_CHECKING:
    from ..runner import Message

__all__ = ["HTTP1Connection"]

_MAX_PART = 65_536  # bytes of one http.request.body message, and of input that waits behind a request
_LINGER = 2.0  # seconds in which a client may take the last response before the connection is closed under it


class HTTP1Connection(ResponseSide):
    """One client's connection. A WebSocket handshake hands the transport over to a `WebSocket`."""

    __slots__ = (
        "_addresses", "_advancing", "_budget", "_buffer", "_decoder", "_head", "_held", "_left", "_scanned", "_seen",
        "_skipped",
    )  # fmt: skip

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._buffer: bytes | bytearray = b""
        self._scanned = 0
        self._skipped = False
        self._advancing = False
        self._head: Head | None = None
        self._decoder: ChunkedDecoder | None = None
        self._left = 0
        self._held = False
        self._budget = 0
        self._seen = 0
        self._addresses: Addresses = (None, None)

    # -- the driver's side ---------------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        """The connection is open: its first request is awaited."""
        super().connection_made(transport)
        peer, own = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        client = (peer[0], peer[1]) if isinstance(peer, tuple) else None
        server = (own[0], own[1]) if isinstance(own, tuple) else (own, None) if own else None
        self._addresses = (client, server)
        self.arm(self.host.settings.header_timeout)

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        buffer = self._buffer
        if buffer:
            if buffer.__class__ is bytes:
                buffer = self._buffer = bytearray(buffer)
            buffer += data
        else:
            self._buffer = data
        if not self._advancing:
            self._advance()

    def ended(self) -> None:
        """The client is gone."""
        self._state = CLOSING
        self._buffer = b""
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.disconnected()
        self._settle(complete=False)

    def resume_writing(self) -> None:
        """The transport has room: the next request may begin."""
        self._settle(complete=True)
        super().resume_writing()
        if self._state == HEAD:
            self.read(True)
            self._soon()

    @property
    def busy(self) -> bool:
        """Whether a request is on its way in, or something waits to be written."""
        return super().busy or self._state == WHOLE or (self._state == HEAD and bool(self._buffer))

    def retire(self) -> None:
        """Close if idle; otherwise the response under way is the last."""
        self._close = True
        if self._state == HEAD and not self._buffer:
            self._state = CLOSING
            self.close()

    def timed_out(self) -> None:
        """The deadline of the state has passed: of a head, of a body, of a response, of a farewell."""
        state = self._state
        exchange = self._exchange
        if state == CLOSING or (state == HEAD and not self._buffer):
            self._state = CLOSING
            self.close()
        elif state == HEAD and self.paused:
            self.arm(self.host.settings.header_timeout)
        elif state in (HEAD, WHOLE):
            self._refuse(Refused(408, "the request was not complete in time (RFC 9110, 15.5.9)"))
        elif state == DISCARD:
            self._farewell()
        elif exchange is not None and state == BODY and not self._held:
            self._close = True
            exchange.refuse(408)
        elif exchange is not None and exchange.status == 0:
            exchange.refuse(503)

    # -- requests ------------------------------------------------------------------------------------------

    def _advance(self) -> None:
        self._advancing = True
        try:
            while self._buffer:
                state = self._state
                if state == HEAD:
                    if self.paused:  # a client that does not take its responses gets no others (RFC 9112, 9.3.2)
                        self.read(False)
                        return
                    going = self._read_head()
                elif state == WHOLE:
                    going = self._read_whole()
                elif state == BODY:
                    going = self._read_body()
                elif state == DISCARD:
                    going = self._discard()
                else:
                    if state == CLOSING:
                        self._buffer = b""
                    elif len(self._buffer) >= _MAX_PART:
                        self.read(False)
                    return
                if not going:
                    return
        except Refused as refused:
            self._refuse(refused)
        finally:
            self._advancing = False

    def _read_head(self) -> bool:
        buffer = self._buffer
        settings = self.host.settings
        if buffer.startswith(b"\r\n"):  # one empty line before a request is ignored (RFC 9112, 2.2)
            if self._skipped or buffer.startswith(b"\r\n", 2):
                raise Refused(400, "empty lines before the request line (RFC 9112, 2.2)")
            self._skipped = True
            buffer = self._buffer = buffer[2:]
        self._is_head = buffer.startswith(b"HEAD ")
        end = buffer.find(b"\r\n\r\n", self._scanned)
        if end < 0 or end > settings.max_header_size:
            if end > 0 or len(buffer) - open_end(buffer) > settings.max_header_size:
                raise Refused(431, f"the request's head is larger than {settings.max_header_size} bytes (RFC 6585, 5)")
            if BARE_LF.search(buffer, max(0, self._scanned - 1)):
                raise Refused(400, "a line that does not end in CRLF (RFC 9112, 2.2)")
            self._scanned = max(1, len(buffer) - 3)
            return False
        self._scanned = 0
        self._skipped = False
        head = parse_head(bytes(buffer[:end]), settings.max_header_fields)
        self._buffer = buffer[end + 4 :]
        self._version = head.http_version
        self._fields = head.headers
        self._close = not head.keep_alive or self.host.draining is not None
        self._chunked = False
        if head.upgrade and self.host.takes("websocket") and handshake.wanted(head.headers):
            self._upgrade(head)
            return False
        if not self.host.takes("http"):
            raise Refused(426 if self.host.takes("websocket") else 501, "plain HTTP is not served here")
        if not head.length and not head.chunked:
            self._state = BUSY
            self.arm(settings.response_timeout)
            self._begin(head, b"", False)
        elif head.chunked or head.expects or head.length > settings.body_buffer:
            self._state = BODY
            self._decoder = (
                ChunkedDecoder(settings.max_header_size, settings.max_header_fields) if head.chunked else None
            )
            self._left = head.length
            self._held = True
            self._continue = head.expects
            self.expect_body()
            self._begin(head, b"", True)
        else:
            self._state = WHOLE
            self._head = head
            self._left = head.length
            self._seen = 0
            self.expect_body()
            return self._read_whole()
        return True

    def _read_whole(self) -> bool:
        length, buffer = self._left, self._buffer
        if len(buffer) < length:
            self.progressed(len(buffer) - self._seen)
            self._seen = len(buffer)
            return False
        head, self._head = self._head, None
        assert head is not None
        self._buffer = buffer[length:]
        self._left = 0
        self._state = BUSY
        self.arm(self.host.settings.response_timeout)
        self._begin(head, bytes(buffer[:length]), False)
        return True

    def _begin(self, head: Head, body: bytes, more: bool) -> None:
        exchange = HTTPExchange(self, bodyless=self._is_head)
        runner = self.host.begin(exchange)
        if runner is None:
            self._state = BODY if more else BUSY
            raise Refused(503, "as many consumers as this server may have are alive")
        self._exchange = exchange
        message = http_request(head, self._addresses, body, more)
        if more:
            exchange.waiting = message
        exchange.begin(runner, message)
        if self.host.draining is not None:
            runner.file_control(dict(self.host.draining))

    def _upgrade(self, head: Head) -> None:
        offer = handshake.check(head, self.host.settings.allowed_origins)
        rest = bytes(self._buffer)
        self._state = CLOSING
        self._buffer = b""
        self.disarm()
        websocket = WebSocket(self.host, offer)
        runner = self.host.begin(websocket)
        if runner is None:
            raise Refused(503, "as many consumers as this server may have are alive")
        self.host.connections.discard(self)
        self.transport.set_protocol(websocket)
        websocket.connection_made(self.transport)
        message = websocket_connect(head, self._addresses, offer.subprotocols)
        websocket.begin(runner, message, rest)
        if self.host.draining is not None:
            runner.file_control(dict(self.host.draining))

    # -- bodies that come in parts -------------------------------------------------------------------------

    def _read_body(self) -> bool:
        if self._held:
            self.read(False)
            return False
        exchange = self._exchange
        assert exchange is not None
        data, self._buffer = bytes(self._buffer[:_MAX_PART]), self._buffer[_MAX_PART:]
        part = self._decode(data)
        done = self._state != BODY
        if done or part:
            self._hand_on(exchange, part, done)
        return True

    def _decode(self, data: bytes) -> bytes:
        """The body in `data`; what is left over goes back to the buffer, and the state says if the body is over."""
        decoder = self._decoder
        if decoder is None:
            part, rest = data[: self._left], data[self._left :]
            self._left -= len(part)
            done = not self._left
        else:
            part, rest = decoder.feed(data)
            done = decoder.done
        if rest:
            self._buffer = rest + self._buffer
        if done:
            self._state = BUSY
            self._continue = False
        return part

    def _hand_on(self, exchange: HTTPExchange, part: bytes, done: bool) -> None:
        decoder, trailers = self._decoder, None
        if done:
            self._decoder = None
            trailers = decoder.trailers if decoder is not None else None
            self.arm(self.host.settings.response_timeout)
            if exchange.status:
                self.disarm()
        else:
            self._held = True
            self.progressed(len(part))
        message: Message = {"type": "http.request.body", "body": part, "more_body": not done}
        if not done:
            exchange.waiting = message
        behind = {"type": "http.request.trailers", "headers": trailers} if trailers else None
        exchange.runner.file_socket(message, len(part), behind)

    @property
    def held_up(self) -> bool:
        """Whether the consumer has not yet returned from a part of the body."""
        return self._held and self._state == BODY

    def consumer_returned(self) -> None:
        """The consumer has returned from the part that was delivered last: the next one may come."""
        if self._state != BODY or self._exchange is None:
            return
        self._held = False
        if self._continue:
            self._continue = False
            if not self._exchange.status:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.read(True)
        if self._buffer and not self._advancing:
            self._advance()

    def _discard(self) -> bool:
        data, self._buffer = bytes(self._buffer[:_MAX_PART]), self._buffer[_MAX_PART:]
        behind = len(self._buffer)
        self._decode(data)
        self._budget -= len(data) - (len(self._buffer) - behind)
        if self._budget < 0:
            self._farewell()
        elif self._state == BUSY:
            self._decoder = None
            self._next()
        return True

    # -- responses -----------------------------------------------------------------------------------------

    def response_complete(self) -> None:
        """The last byte is written: on to what follows."""
        self._exchange = None
        if self._state == BODY:
            if self._close:
                self._farewell()
                return
            self._state = DISCARD
            self._held = False
            self._budget = _MAX_PART
            self.arm(self.host.settings.body_timeout)
            self.read(True)
            self._soon()
        else:
            self._next()

    def cut(self) -> None:
        """End the connection so that the client sees an incomplete response."""
        exchange, self._exchange = self._exchange, None
        self._state = CLOSING
        if self._chunked or (exchange is not None and exchange.status == 0):
            self.close()
        else:
            self.host.reset(self)  # an end without framing looks whole unless the connection is reset
        if exchange is not None:
            exchange.disconnected()

    def _next(self) -> None:
        if self._close or self.host.draining:
            self._farewell()
            return
        self._state = HEAD
        self.arm(self.host.settings.header_timeout)
        self.read(True)
        self._soon()

    def _soon(self) -> None:
        if self._buffer and not self._advancing:
            self.host.soon(self._continue_reading)

    def _continue_reading(self) -> None:
        if not self._advancing and not self.lost:
            self._advance()

    def _farewell(self) -> None:
        """Close, but let the client take what was written: unread input would reset it away (RFC 9112, 9.6)."""
        unread = bool(self._buffer) or self._state in (BODY, DISCARD, WHOLE)
        self._state = CLOSING
        self._buffer = b""
        if unread and not self.lost:
            self.finish_writing(_LINGER)
        else:
            self.close()

    def _refuse(self, refused: Refused) -> None:
        """Answer a request that is not served, and close."""
        if self._state == DISCARD:  # it has its answer: another one would be taken for the next request's
            self._farewell()
            return
        exchange, self._exchange = self._exchange, None
        if exchange is not None:  # a body that is malformed: its consumer has begun
            if exchange.status:
                self._exchange = exchange
                self.cut()
                return
            exchange.disconnected()
        self._write_refusal(refused)
        self._state = BODY if self._state != CLOSING else CLOSING  # what is unread decides how to part
        self._farewell()

"""HTTP/1.0 and HTTP/1.1 on one connection: requests out of bytes, one exchange at a time, responses into bytes.

Rules of this file:

- The parser stops exactly after one request; what follows waits in the buffer until the response is complete.
- The next request is never begun inside a `send`: `_advancing` is set while bytes are worked on (see `_next`).
- A part of a body is handed on only after the consumer has returned from the one before (HTTP chapter).
"""

from __future__ import annotations

import http
from typing import TYPE_CHECKING, Any

from . import handshake
from .chunked import ChunkedDecoder
from .connection import Connection, Host
from .exchange import HTTPExchange, with_date
from .head import BARE_LF, Head, Refused, open_end, parse_head
from .websocket import WebSocket

if TYPE_CHECKING:
    from ..runner import Message

__all__ = ["HTTP1Connection"]

HEAD, WHOLE, BODY, BUSY, DISCARD, CLOSING = range(6)
_MAX_PART = 65_536  # bytes of one http.request.body message, and of input that waits behind a request
_LINGER = 2.0  # seconds in which a client may take the last response before the connection is closed under it
_BODY_STEP = 1024  # bytes of a body that must come in each body_timeout
_STATUS = {code.value: b"HTTP/1.1 %d %b\r\n" % (code.value, code.phrase.encode()) for code in http.HTTPStatus}


class HTTP1Connection(Connection):
    """One client's connection. A WebSocket handshake hands the transport over to a `WebSocket`."""

    __slots__ = (
        "_addresses", "_advancing", "_budget", "_buffer", "_chunked", "_close", "_continue", "_decoder", "_exchange",
        "_fields", "_head", "_held", "_is_head", "_left", "_scanned", "_scheme", "_seen", "_skipped", "_state", "_step",
        "_ticked", "_version",
    )  # fmt: skip

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._state = HEAD
        self._buffer: bytes | bytearray = b""
        self._scanned = 0
        self._skipped = False
        self._advancing = False
        self._exchange: HTTPExchange | None = None
        self._head: Head | None = None
        self._decoder: ChunkedDecoder | None = None
        self._left = 0
        self._held = False
        self._is_head = False
        self._continue = False
        self._close = False
        self._chunked = False
        self._version = "1.1"
        self._budget = 0
        self._seen = 0
        self._step = 0
        self._ticked = 0.0
        self._scheme = "http"
        self._fields: list[tuple[bytes, bytes]] = []
        self._addresses: tuple[Any, Any] = (None, None)

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

    def resume_writing(self) -> None:
        """The transport has room: the next request may begin."""
        super().resume_writing()
        if self._state == HEAD:
            self.read(True)
            self._soon()

    def retire(self) -> None:
        """Close if idle; otherwise the response under way is the last."""
        self._close = True
        if self._state == HEAD and not self._buffer:
            self._state = CLOSING
            self.transport.close()

    def timed_out(self) -> None:
        """The deadline of the state has passed: of a head, of a body, of a response, of a farewell."""
        state = self._state
        exchange = self._exchange
        if state == CLOSING or (state == HEAD and not self._buffer):
            self._state = CLOSING
            self.transport.close()
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
        self._close = not head.keep_alive or self.host.draining
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
            self._expect_body()
            self._begin(head, b"", True)
        else:
            self._state = WHOLE
            self._head = head
            self._left = head.length
            self._seen = 0
            self._expect_body()
            return self._read_whole()
        return True

    def _read_whole(self) -> bool:
        length, buffer = self._left, self._buffer
        if len(buffer) < length:
            self._progressed(len(buffer) - self._seen)
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
        client, server = self._addresses
        message: Message = {
            "type": "http.request",
            "method": head.method,
            "path": head.path,
            "raw_path": head.raw_path,
            "query_string": head.query_string,
            "root_path": "",
            "scheme": self._scheme,
            "http_version": head.http_version,
            "headers": head.headers,
            "client": client,
            "server": server,
            "body": body,
            "more_body": more,
            "extensions": {"interface": "1.0"},
        }
        if more:
            exchange.waiting = message
        exchange.begin(runner, message)

    def _upgrade(self, head: Head) -> None:
        offer = handshake.check(head, self.host.settings.allowed_origins)
        rest = bytes(self._buffer)
        self._state = CLOSING
        self._buffer = b""
        self.disarm()
        client, server = self._addresses
        websocket = WebSocket(self.host, offer)
        runner = self.host.begin(websocket)
        if runner is None:
            raise Refused(503, "as many consumers as this server may have are alive")
        self.host.connections.discard(self)
        self.transport.set_protocol(websocket)
        websocket.connection_made(self.transport)
        message: Message = {
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
            "subprotocols": list(offer.subprotocols),
            "extensions": {"interface": "1.0"},
        }
        websocket.begin(runner, message, rest)

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
            self._progressed(len(part))
        message: Message = {"type": "http.request.body", "body": part, "more_body": not done}
        if not done:
            exchange.waiting = message
        behind = {"type": "http.request.trailers", "headers": trailers} if trailers else None
        exchange.runner.file_socket(message, len(part), behind)

    def _expect_body(self) -> None:
        self._step = _BODY_STEP
        self.arm(self.host.settings.body_timeout)

    def _progressed(self, size: int) -> None:
        """Bytes of a body have come; each KiB of them, not each byte, gives the client its time anew (HTTP-020)."""
        self._step -= size
        if self._step <= 0:
            self._expect_body()

    def tick(self, now: float) -> None:
        """Look at the clock; the time in which the consumer holds the body up is not the client's."""
        if self._held and self._state == BODY and self._deadline is not None:
            self._deadline += now - self._ticked
        self._ticked = now
        super().tick(now)

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

    def respond(
        self, status: int, lines: list[bytes], length: int | None, body: bytes, more: bool, trailers: bool
    ) -> None:
        """Write the head of a response, and the body that is there; the framing is chosen here (RFC 9112, 6)."""
        exchange = self._exchange
        assert exchange is not None
        if self._state != BODY:  # there the body of the request still has its time
            self.disarm()
        framed = length is not None
        if not framed and status != 204 and status != 304:
            if not more and not trailers:
                framed = True
                lines.append(b"content-length: %d\r\n" % len(body))
            elif self._version == "1.1":
                self._chunked = not exchange.bodyless
                lines.append(b"transfer-encoding: chunked\r\n")
            else:
                self._close = True
        if exchange.bodyless:
            body = b""
        elif self._chunked:
            body = _chunk(body) if more else _chunk(body) + b"0\r\n"
        if self._continue or self.host.draining:
            self._close = True  # without a 100 the client may send the body or not: nobody can tell what comes next
        if self._close:
            lines.append(b"connection: close\r\n")
        elif self._version == "1.0":
            if framed:
                lines.append(b"connection: keep-alive\r\n")
            else:
                self._close = True  # only a content-length keeps such a connection (HTTP-087)
        first = _STATUS.get(status) or b"HTTP/1.1 %d \r\n" % status
        self.transport.write(b"%b%b\r\n%b" % (first, with_date(lines, self.host.date), body))

    def respond_body(self, body: bytes, more: bool, trailers: bool) -> None:
        """Write a further part of the body."""
        exchange = self._exchange
        assert exchange is not None
        if exchange.bodyless:
            return
        if self._chunked:
            body = _chunk(body)
            if not more:
                body += b"0\r\n" if trailers else b"0\r\n\r\n"
        if body:
            self.transport.write(body)

    def respond_trailers(self, lines: list[bytes]) -> None:
        """End a chunked body, with trailers for a client that takes them (HTTP-045); else they are discarded."""
        if self._chunked:
            self.transport.write((b"".join(lines) if self._takes_trailers() else b"") + b"\r\n")

    def _takes_trailers(self) -> bool:
        return any(name == b"te" and b"trailers" in handshake.tokens(value) for name, value in self._fields)

    def inform(self, status: int, lines: list[bytes]) -> None:
        """Write an informational response; HTTP/1.0 has none (RFC 9110, 15.2)."""
        if self._version == "1.1":
            self.transport.write(b"%b%b\r\n" % (_STATUS.get(status) or b"HTTP/1.1 %d \r\n" % status, b"".join(lines)))

    def close_after_response(self) -> None:
        """Keep the connection no longer than this response."""
        self._close = True

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
            self.transport.close()
        else:
            self.transport.abort()  # an end without framing looks whole unless the connection is reset
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
            self.read(True)
            self.transport.write_eof()
            self.arm(_LINGER)
        else:
            self.transport.close()

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
        text = f"{refused.status} {http.HTTPStatus(refused.status).phrase}: {refused}\n".encode()
        body = b"" if self._is_head else text
        lines = [
            _STATUS[refused.status],
            b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n" % len(text),
            self.host.date,
        ]
        if refused.status == 503:
            lines.append(b"retry-after: 1\r\n")
        if refused.status == 426:
            lines.append(b"upgrade: websocket\r\nsec-websocket-version: 13\r\n")
        self.transport.write(b"%b\r\n%b" % (b"".join(lines), body))
        self._state = BODY if self._state != CLOSING else CLOSING  # what is unread decides how to part
        self._farewell()


def _chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body) if body else b""

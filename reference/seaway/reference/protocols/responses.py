"""The responses of one HTTP/1.0 or HTTP/1.1 connection: how each is framed and written (RFC 9112, 6)."""

from __future__ import annotations

import http
from typing import TYPE_CHECKING

from . import handshake
from .connection import BodyConnection, Host
from .exchange import HTTPExchange, with_date

if TYPE_CHECKING:
    from .head import Refused

__all__ = ["BODY", "BUSY", "CLOSING", "DISCARD", "HEAD", "WHOLE", "ResponseSide"]

# What the connection is at: a head, a body that is gathered, one that is handed on in parts; a response; the rest of a
# body that nobody wants; its end.
HEAD, WHOLE, BODY, BUSY, DISCARD, CLOSING = range(6)
_STATUS = {code.value: b"HTTP/1.1 %d %b\r\n" % (code.value, code.phrase.encode()) for code in http.HTTPStatus}


class ResponseSide(BodyConnection):
    """The half of a connection that writes. `_close`: it ends after the response that is under way."""

    __slots__ = (
        "_chunked", "_close", "_continue", "_exchange", "_fields", "_is_head", "_state", "_unsettled", "_version",
    )  # fmt: skip

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._state = HEAD
        self._exchange: HTTPExchange | None = None
        self._unsettled: HTTPExchange | None = None
        self._fields: list[tuple[bytes, bytes]] = []
        self._is_head = False
        self._version = "1.1"
        self._close = False
        self._chunked = False
        self._continue = False  # whether the client waits for a 100

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

    def settle_later(self, exchange: HTTPExchange) -> None:
        """Tell `exchange` how its response ended once the transport has room again, or the client has gone."""
        self._unsettled = exchange

    def _settle(self, *, complete: bool) -> None:
        exchange, self._unsettled = self._unsettled, None
        if exchange is not None:
            exchange.settle(complete=complete)

    def close_after_response(self) -> None:
        """Keep the connection no longer than this response."""
        self._close = True

    def _write_refusal(self, refused: Refused) -> None:
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


def _chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body) if body else b""

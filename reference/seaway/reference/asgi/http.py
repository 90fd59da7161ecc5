"""One HTTP request over ASGI events: the wire of an `HTTPExchange`, where a server in front does the framing.

Rules of this file:

- A part of the body is asked for only after the consumer has returned from the one before (HTTP-017).
- The head of a response that goes on is followed by an empty part, for servers that wait for the first (HTTP-028).
"""

from __future__ import annotations

import http
from typing import TYPE_CHECKING, Any

from ..protocols.connection import BodyConnection, Host
from ..protocols.exchange import HTTPExchange
from ..protocols.handshake import tokens
from ..protocols.head import Head, Refused
from ..protocols.opening import http_request
from .opening import addresses_of, complete, fields_of, head_of

if TYPE_CHECKING:
    from ..runner import Message
    from .transport import Event, EventTransport

__all__ = ["ASGIRequest"]

# What the call is at: a body that is gathered, one that is handed on in parts, the response, its end.
WHOLE, BODY, BUSY, DONE = range(4)
_PART = 65_536  # bytes of one event: so that a slow client is told from one that takes nothing


class ASGIRequest(BodyConnection):
    """One call with a scope of type `http`."""

    def __init__(self, host: Host, scope: Any) -> None:
        super().__init__(host)
        self._scope = scope
        self._extensions = scope.get("extensions") or {}
        self._state = WHOLE
        self._head = Head()
        self._exchange: HTTPExchange | None = None
        self._unsettled: HTTPExchange | None = None
        self._parts: list[bytes] = []
        self._is_http1 = True  # where a body has a length or chunks, and a connection ends by a field
        self._held = False
        self._close = False
        self._said_all = False  # to the server in front, though the consumer goes on with a body that nobody gets
        self._trailers = False  # whether the server in front has been told that trailers follow

    # -- the driver's side ---------------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        """The call begins: so does the consumer, if it gets its body in parts."""
        super().connection_made(transport)
        self._out: EventTransport = transport
        try:
            head = self._head = head_of(self._scope)
            if not self.host.takes("http"):
                raise Refused(426 if self.host.takes("websocket") else 501, "plain HTTP is not served here")
            self._is_http1 = head.http_version.startswith("1.")
            self.expect_body()
            if head.chunked or head.length > self.host.settings.body_buffer or (head.expects and head.length):
                self._begin(b"", more=True)
            elif self._is_http1 and not head.length:  # whatever the server in front has seen of the client's end
                self._begin(b"", more=False)
        except Refused as refused:
            self._refuse(refused)

    def event_received(self, event: Event) -> None:
        """A part of the body."""
        body, more = event.get("body", b""), event.get("more_body", False)
        try:
            if self._state == WHOLE:
                self._gather(body, more=more)
            elif self._state == BODY and (body or not more):
                self._hand_on(body, more=more)
        except Refused as refused:
            self._refuse(refused)

    def disconnected(self, event: Event) -> None:
        """The client is gone; some servers say so, too, when they have seen the last of a response."""
        if self._state != DONE and not self._said_all:
            self._out.abort()
        self.lost = not self._said_all

    def ended(self) -> None:
        """The client is gone."""
        self._state = DONE
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.disconnected()
        self._settle(complete=False)

    def resume_writing(self) -> None:
        """The server in front has taken all that was written."""
        self._settle(complete=True)
        super().resume_writing()

    def retire(self) -> None:
        """The server stops: the response under way is the last on its connection."""
        self._close = True

    def timed_out(self) -> None:
        """The deadline of the state has passed: of a body, or of a response."""
        exchange = self._exchange
        if self._state == WHOLE:
            self._refuse(Refused(408, "the request was not complete in time (RFC 9110, 15.5.9)"))
        elif exchange is not None and self._state == BODY and not self._held:
            self._close = True
            exchange.refuse(408)
        elif exchange is not None and exchange.status == 0:
            exchange.refuse(503)

    @property
    def held_up(self) -> bool:
        """Whether the consumer has not yet returned from a part of the body."""
        return self._held and self._state == BODY

    # -- the request ---------------------------------------------------------------------------------------

    def _gather(self, body: bytes, *, more: bool) -> None:
        """Put `body` behind what has come; where no length was declared, nobody knows how much follows."""
        self._parts.append(body)
        self.progressed(len(body))
        if not more or not (self._is_http1 or self._head.length):
            whole, self._parts = b"".join(self._parts), []
            self._begin(whole, more=more)

    def _begin(self, body: bytes, *, more: bool) -> None:
        exchange = HTTPExchange(self, bodyless=self._head.method == "HEAD")
        runner = self.host.begin(exchange)
        if runner is None:
            raise Refused(503, "as many consumers as this server may have are alive")
        self._exchange = exchange
        message = complete(http_request(self._head, addresses_of(self._scope), body, more), self._scope)
        self._turn_to(message, exchange, more=more)
        exchange.begin(runner, message)
        if self.host.draining is not None:
            runner.file_control(dict(self.host.draining))

    def _hand_on(self, part: bytes, *, more: bool) -> None:
        exchange = self._exchange
        assert exchange is not None
        self.progressed(len(part))
        message: Message = {"type": "http.request.body", "body": part, "more_body": more}
        self._turn_to(message, exchange, more=more)
        exchange.runner.file_socket(message, len(part))

    def _turn_to(self, message: Message, exchange: HTTPExchange, *, more: bool) -> None:
        """What is next once the consumer has `message`: more of the body, when it returns; or its response."""
        self._state = BODY if more else BUSY
        if more:
            exchange.waiting = message
            self._held = True
            self.read(False)
        elif exchange.status:
            self.disarm()
        else:
            self.arm(self.host.settings.response_timeout)

    def consumer_returned(self) -> None:
        """The consumer has returned from the part that was delivered last: the next one may come."""
        self._held = False
        self.read(True)

    # -- the response --------------------------------------------------------------------------------------

    def respond(
        self, status: int, lines: list[bytes], length: int | None, body: bytes, more: bool, trailers: bool
    ) -> None:
        """Write the head of a response, and the body that is there."""
        exchange = self._exchange
        assert exchange is not None
        if self._state != BODY:  # there the body of the request still has its time
            self.disarm()
        if status == 304:  # servers hold it against the body that there is not
            lines = [line for line in lines if not line.startswith(b"content-length:")]
        elif length is None and not more and not trailers and status != 204:
            lines.append(b"content-length: %d\r\n" % len(body))
        if (self._close or self.host.draining) and self._is_http1:
            lines.append(b"connection: close\r\n")
        start: Event = {"type": "http.response.start", "status": status, "headers": fields_of(lines)}
        offered = "http.response.trailers" in self._extensions
        self._trailers = offered and trailers and length is None and not exchange.bodyless
        if self._trailers:
            start["trailers"] = True
        self._out.write(start)
        if not exchange.bodyless:
            self._write_body(body, more=more or (trailers and not self._trailers))
        else:
            self._write_body(b"", more=False)
            self._said_all = more or trailers

    def respond_body(self, body: bytes, more: bool, trailers: bool) -> None:
        """Write a further part of the body."""
        exchange = self._exchange
        assert exchange is not None
        more = more or (trailers and not self._trailers)
        if (body or not more) and not exchange.bodyless:
            self._write_body(body, more=more)

    def _write_body(self, body: bytes, *, more: bool) -> None:
        for start in range(0, max(len(body), 1), _PART):
            part = body[start : start + _PART]
            follows = more or start + _PART < len(body)
            self._out.write({"type": "http.response.body", "body": part, "more_body": follows}, len(part))

    def respond_trailers(self, lines: list[bytes]) -> None:
        """End the body, with trailers where the server in front and the client take them (HTTP-045)."""
        exchange = self._exchange
        assert exchange is not None
        if not self._trailers:
            if not exchange.bodyless:
                self._write_body(b"", more=False)
            return
        wanted = any(name == b"te" and b"trailers" in tokens(value) for name, value in self._head.headers)
        self._out.write({"type": "http.response.trailers", "headers": fields_of(lines) if wanted else []})

    def inform(self, status: int, lines: list[bytes]) -> None:
        """Pass early hints on where the server in front takes them; ASGI has no other informational response."""
        if status == 103 and "http.response.early_hint" in self._extensions:
            links = [value for name, value in fields_of(lines) if name == b"link"]
            self._out.write({"type": "http.response.early_hint", "links": links})

    def settle_later(self, exchange: HTTPExchange) -> None:
        """Tell `exchange` how its response ended once the server in front has taken it."""
        self._unsettled = exchange

    def _settle(self, *, complete: bool) -> None:
        exchange, self._unsettled = self._unsettled, None
        if exchange is not None:
            exchange.settle(complete=complete)

    def close_after_response(self) -> None:
        """Keep the client's connection no longer than this response."""
        self._close = True

    def response_complete(self) -> None:
        """The last event is written: the call ends when the server in front has it."""
        self._state = DONE
        self._exchange = None
        self.close()

    def cut(self) -> None:
        """End the call without the rest, so that the client sees an incomplete response."""
        exchange, self._exchange = self._exchange, None
        self._state = DONE
        self.close()
        if exchange is not None:
            exchange.disconnected()

    def _refuse(self, refused: Refused) -> None:
        """Answer a request whose consumer does not begin."""
        self._state = DONE
        text = f"{refused.status} {http.HTTPStatus(refused.status).phrase}: {refused}\n".encode()
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(text))]
        if refused.status == 503:
            headers.append((b"retry-after", b"1"))
        if refused.status == 426:
            headers += [(b"upgrade", b"websocket"), (b"sec-websocket-version", b"13")]
        if self._is_http1:
            headers.append((b"connection", b"close"))
        self._out.write({"type": "http.response.start", "status": refused.status, "headers": headers})
        self._write_body(b"" if self._head.method == "HEAD" else text, more=False)
        self.close()

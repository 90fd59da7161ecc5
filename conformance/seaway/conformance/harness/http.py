"""The client's side of an HTTP request: what a test does, and the response as it sees it.

Rules of this module: it frames nothing. Which message may come when is said by the table of states (HTTP chapter).
"""

from __future__ import annotations

import json
from types import TracebackType
from typing import TYPE_CHECKING, Any

from attrs import define, field

from seaway.conformance.harness.connection import Connection, Message, invalid
from seaway.conformance.harness.requests import Headers, http_request

if TYPE_CHECKING:
    from typing import Self

    from seaway.conformance.harness.core import Core

_NO_BODY = (204, 304)


@define
class Response:
    """A response as the client has it so far.

    Attributes:
        status: the status.
        headers: pairs of lower-case name and value, as the consumer gave them.
        body: the body, or what has come of it.
        trailers: the trailer fields.
        is_complete: whether it has come to its end; a response that is cut never does.
        informational: status and headers of each 1xx response before it.
    """

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""
    trailers: list[tuple[bytes, bytes]] = field(factory=list)
    is_complete: bool = False
    informational: list[tuple[int, list[tuple[bytes, bytes]]]] = field(factory=list)

    @property
    def text(self) -> str:
        """The body in UTF-8."""
        return self.body.decode()

    def json(self) -> Any:
        """Return the body, which is JSON."""
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        """Return the value of the first field *name*, or ``None``."""
        wanted = name.lower().encode()
        return next((value.decode("latin-1") for key, value in self.headers if key == wanted), None)


class Exchange(Connection):
    """One request and its response, on the consumer's side."""

    type = "http"

    def __init__(self, core: Core, method: str, target: str, headers: Headers, body: bytes | None, more: bool) -> None:
        buffered = body is None or (not more and len(body) <= core.limits.body_buffer)
        first = http_request(method, target, headers, body, more_body=more)
        if not buffered:
            first = {**first, "body": b"", "more_body": True}
        super().__init__(core, first, f"{method} {target}")
        if not buffered and body:
            self._wire.append({"type": "http.request.body", "body": body, "more_body": more})
        self.response: Response | None = None
        self.is_cut = False
        self.parts: list[bytes] = []
        self._discards_body = method == "HEAD"
        self._has_trailers = False
        self._left: int | None = None
        self._informational: list[tuple[int, list[tuple[bytes, bytes]]]] = []
        self._reads = False
        self._more = first["more_body"]
        self._timer: Any = None

    # The client

    def put(self, message: Message) -> None:
        """The client has sent a further part of its request."""
        self._wire.append(message)
        self.read()

    def leave(self) -> None:
        """The client goes; the server sees it when it reads."""
        if self._more:
            self._wire.append(None)
            self.read()
        else:
            self.lost()

    def read(self) -> None:
        """See `Connection.read`: a part is read once the call with the part before has returned (HTTP-017)."""
        if self._reads and self._wire and not self.has_ended:
            message = self._wire.popleft()
            if message is None:
                self.lost()
                return
            self._reads = False
            self._more = message.get("more_body", False)
            self.file_socket(message)

    def lost(self) -> None:
        """See `Connection.lost`."""
        self._finish(complete=False)

    # The consumer

    def given(self, message: Message) -> None:
        """See `Connection.given`."""
        is_whole = message.get("more_body") is False and message["type"].startswith("http.request")
        if is_whole and self.response is None and not self.has_ended:
            self._timer = self.core.clock.later(self.core.limits.response_timeout, lambda: self._answer(503))

    def returned(self, message: Message) -> None:
        """See `Connection.returned`."""
        if message["type"].startswith("http.request"):
            self._reads = True

    def check(self, message: Message) -> None:
        """See `Connection.check`."""
        kind = message["type"]
        if kind == "http.response.file":
            raise invalid("type", "a message that was announced in `extensions`", kind, "HTTP-029")
        left = self._left
        if kind == "http.response":
            lengths = [value for name, value in message.get("headers", ()) if name == b"content-length"]
            is_without = self._discards_body or message["status"] in _NO_BODY
            left = int(lengths[0]) if lengths and not is_without else None
        elif kind != "http.response.body":
            return
        if left is not None:
            left -= len(message.get("body", b""))
            if left < 0:
                raise invalid("body", "no more bytes than its content-length", f"{-left} more", "HTTP-038")
            if left > 0 and not message.get("more_body", False):
                self.cut()
                raise invalid("body", "as many bytes as its content-length", f"{left} less", "HTTP-039")
        self._left = left

    def take(self, message: Message) -> None:
        """See `Connection.take`."""
        kind = message["type"]
        if kind == "http.response.informational":
            self._informational.append((message["status"], _pairs(message)))
        elif kind == "http.response":
            self.response = Response(message["status"], _pairs(message), informational=self._informational)
            self._discards_body = self._discards_body or message["status"] in _NO_BODY
            self._has_trailers = message.get("trailers", False)
            self._stop_timer()
            self._take_body(message)
        elif kind == "http.response.body":
            self._take_body(message)
        elif self.response is not None:
            self.response.trailers = _pairs(message)
            self._complete()

    def failed(self) -> None:
        """See `Connection.failed`."""
        if self.response is None:
            self._answer(500)
        elif not self.response.is_complete:
            self.cut()

    def cut(self) -> None:
        """The client sees a response that is not whole (HTTP-051)."""
        self.is_cut = True
        self._finish(complete=False)

    def _take_body(self, message: Message) -> None:
        assert self.response is not None
        body = b"" if self._discards_body else message.get("body", b"")
        self.response.body += body
        if body:
            self.parts.append(body)
        if not message.get("more_body", False) and not self._has_trailers:
            self._complete()

    def _complete(self) -> None:
        assert self.response is not None
        self.response.is_complete = True
        self._finish(complete=True, own=True)

    def _answer(self, status: int) -> None:
        if self.response is None and not self.has_ended:
            self.response = Response(status, [], is_complete=True)
            self._finish(complete=False)

    def _finish(self, *, complete: bool, own: bool = False) -> None:
        self._stop_timer()
        self.finish({"type": "http.disconnect", "complete": complete}, own=own)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


class Request:
    """A request as a test holds it. Made by `Harness.http`; leaving its ``async with`` is the client going."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    @property
    def channel(self) -> str:
        """The consumer's channel."""
        return self._exchange.channel

    @property
    def given(self) -> list[Message]:
        """The messages that the consumer was called with, so far."""
        return self._exchange.transcript.to_consumer

    @property
    def sent(self) -> list[Message]:
        """The messages that the consumer has sent, so far."""
        return self._exchange.transcript.from_consumer

    async def __aenter__(self) -> Self:
        self._exchange.core.begin(self._exchange)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.leave()
        if error is None:
            await self._exchange.core.expect(lambda: self._exchange.is_over, "the consumer to end", self._exchange)

    async def body(self, part: bytes, *, more_body: bool = False) -> None:
        """Send the next part of the body, of a request that was begun with ``more_body=True``."""
        self._exchange.put({"type": "http.request.body", "body": part, "more_body": more_body})

    async def trailers(self, headers: Headers) -> None:
        """Send trailer fields, behind the last part of the body."""
        fields = http_request("GET", "/", headers, None, more_body=False)["headers"]
        self._exchange.put(
            {"type": "http.request.trailers", "headers": [pair for pair in fields if pair[0] != b"host"]}
        )

    async def response(self) -> Response:
        """Return the whole response."""
        exchange = self._exchange

        def is_there() -> bool:
            return (exchange.response is not None and exchange.response.is_complete) or exchange.is_cut

        await exchange.core.expect(is_there, "a whole response", exchange)
        if exchange.is_cut or exchange.response is None:
            raise exchange.core.failure("a whole response", exchange, "it was cut: its consumer failed within it")
        return exchange.response

    async def begun(self) -> Response:
        """Return the response, once it has begun; what comes later comes into the same object."""
        exchange = self._exchange
        await exchange.core.expect(lambda: exchange.response is not None, "the beginning of a response", exchange)
        assert exchange.response is not None
        return exchange.response

    async def part(self) -> bytes:
        """Return the next part of the response's body, as the consumer sent it."""
        exchange = self._exchange
        await exchange.core.expect(lambda: bool(exchange.parts), "a part of the response's body", exchange)
        return exchange.parts.pop(0)

    async def cut(self) -> Response:
        """Return what came of a response that was cut: its consumer raised within it (HTTP-051)."""
        exchange = self._exchange
        await exchange.core.expect(lambda: exchange.is_cut, "a response that is cut", exchange)
        assert exchange.response is not None
        return exchange.response

    async def waiting(self) -> None:
        """Return when all consumers are idle; no response has begun."""
        await self._exchange.core.settle()
        if self._exchange.response is not None:
            raise self._exchange.core.failure("no response yet", self._exchange, f"got {self._exchange.response!r}")

    async def leave(self) -> None:
        """Go, whether the response is complete or not."""
        self._exchange.leave()

    async def gap(self, *, dropped: int | None = None, reason: str = "lost") -> None:
        """Let the consumer be told that messages of the layer are missing (``layer.gap``)."""
        self._exchange.file_layer({"type": "layer.gap", "reason": reason, "dropped": dropped})


def _pairs(message: Message) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in message.get("headers", ())]

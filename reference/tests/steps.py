"""What may happen to a connection, as data: bytes, answers, and what the transport, the clock and the server do."""

from contextlib import suppress
from typing import Any

from seaway.conformance.client.websocket import BINARY, CONTINUATION, PING, TEXT, close_frame, frame

from .fakes import DRAIN, FakeRunner, Message, Site

Step = tuple[str, Any]

GET = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"
HEAD = b"HEAD / HTTP/1.1\r\nHost: test\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: test\r\n"
BYTES = [
    GET,
    HEAD,
    b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    POST + b"Content-Length: 5\r\n\r\nhello",
    POST + b"Content-Length: 70000\r\n\r\n",
    b"x" * 70_000,
    POST + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    b"hello",
    POST + b"TE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"5\r\nhello\r\n",
    b"0\r\n\r\n",
    b"0\r\nA: 1\r\n\r\n",
    b"zz\r\n",
    GET[:20],
]
ANSWERS: list[Message] = [
    {"type": "http.response", "status": 200, "body": b"ok"},
    {"type": "http.response", "status": 200, "body": b"ok", "more_body": True},
    {"type": "http.response", "status": 200, "headers": [(b"content-length", b"4")], "more_body": True},
    {"type": "http.response", "status": 204},
    {"type": "http.response", "status": 200, "body": b"ok", "trailers": True},
    {"type": "http.response", "status": 200, "headers": [(b"connection", b"close")]},
    {"type": "http.response", "status": 1},
    {"type": "http.response.body", "body": b"ok", "more_body": True},
    {"type": "http.response.body", "body": b"ok"},
    {"type": "http.response.trailers", "headers": [(b"x-a", b"1")]},
    {"type": "http.response.informational", "status": 103},
    {"type": "server.wake", "after": 1},
]
SOCKET: list[Step] = [("eof", None), ("lose", None), ("fill", None), ("empty", None)]
CLOCK: list[Step] = [("tick", 0.5), ("tick", 2), ("tick", 30)]
SERVER: list[Step] = [("fail", None), ("end", None), ("retire", None), ("drain", None)]
FRAMES = [
    frame(TEXT, b"text"),
    frame(BINARY, b"x" * 1000),
    frame(TEXT, b"half", fin=False),
    frame(CONTINUATION, b"other half"),
    frame(PING, b"?"),
    close_frame(4000),
    frame(TEXT, b"\xff"),
    frame(TEXT, b"x", mask=None),
    frame(TEXT, b"cut off")[:5],
]
SENDS: list[Message] = [
    {"type": "websocket.accept"},
    {"type": "websocket.reject"},
    {"type": "websocket.send", "text": "a"},
    {"type": "websocket.send", "bytes": b"b"},
    {"type": "websocket.send"},
    {"type": "websocket.close", "code": 4001},
    {"type": "server.wake", "after": None},
]


def send(runner: FakeRunner, message: Message) -> None:
    """The consumer sends; what it may not send now is refused with one of these errors."""
    place = len(runner.record)
    with suppress(ValueError, ConnectionError):
        runner.exchange.emit(message)
        runner.record.insert(place, ("from-consumer", message))


def act(site: Site, step: Step) -> None:
    name, value = step
    transport = site.transport
    if name == "feed":
        site.feed(value, 40_000)
    elif name == "tick":
        site.tick(value)
    elif name == "eof" and transport.reading and not transport.closed:
        site.eof()
    elif name == "lose":
        site.lose()
    elif name == "fill" and not transport.waiting:
        transport.fill()
    elif name == "empty" and transport.waiting:
        transport.empty()
    elif name == "retire":
        transport.protocol.retire()
    elif name == "drain":
        site.host.draining = DRAIN
    if not site.runners:
        return
    runner = site.runners[-1 - value] if name == "returned" and len(site.runners) > value else site.runner
    exchange = runner.exchange
    if name == "emit":
        send(runner, value)
    elif name == "fail":
        exchange.failed()
    elif name == "end":
        exchange.end(1012, 503)
    elif name == "returned" and exchange.waiting is not None:
        exchange.returned()
    elif name == "resume" and not transport.reading:
        runner.room = True
        exchange.resume()
    elif name == "full":
        runner.room = False
    site.run()

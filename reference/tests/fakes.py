"""What stands around a protocol or a runner, without sockets, event loop or clock: everything is recorded."""

import re
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import Any, ClassVar

import attrs
from hypothesis import HealthCheck, settings

from seaway.reference import Settings
from seaway.reference.dispatcher import Dispatcher
from seaway.reference.protocols.http1 import HTTP1Connection
from seaway.reference.protocols.websocket import WebSocket
from seaway.reference.runner import Phase

Message = dict[str, Any]
DRAIN: Message = {"type": "server.drain", "reason": "shutdown", "grace": 10.0}
DATE = b"date: today\r\n"
any_speed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure


class Suspend:
    """An awaitable that gives way once: the coroutine goes on when the test says so."""

    def __await__(self) -> Generator[None, None, None]:
        yield


def advance(coroutine: Coroutine[Any, Any, Any]) -> bool:
    """Run `coroutine` to where it waits; returns whether it has ended. Its exception is raised here."""
    try:
        coroutine.send(None)
    except StopIteration:
        return True
    return False


# -- around a protocol -----------------------------------------------------------------------------------------


class FakeTransport:
    """Records what a protocol does to its transport, and refuses what an event loop's transport would refuse."""

    def __init__(self, protocol: Any, *, peer: Any = ("192.0.2.7", 40000), own: Any = ("192.0.2.1", 80)) -> None:
        self.protocol = protocol
        self.names = {"peername": peer, "sockname": own}
        self.written = bytearray()
        self.waiting = 0  # bytes that the client has not taken
        self.reading = True
        self.eof = self.closed = self.aborted = False

    def write(self, data: bytes) -> None:
        assert data.__class__ is bytes, "transports take bytes"
        if self.eof:
            raise RuntimeError("write() after write_eof()")
        if not self.closed:
            self.written += data

    def write_eof(self) -> None:
        self.eof = True

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def pause_reading(self) -> None:
        assert self.reading, "it does not read already"
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading, "it reads already"
        self.reading = True

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def get_extra_info(self, name: str) -> Any:
        return self.names[name]

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    @property
    def parted(self) -> bool:
        """Whether the client sees the end of the stream."""
        return self.closed or self.eof

    def fill(self, size: int = 100_000) -> None:
        """The client takes nothing more, and `size` bytes wait for it."""
        self.waiting = size
        self.protocol.pause_writing()

    def empty(self) -> None:
        """The client has taken everything."""
        self.waiting = 0
        self.protocol.resume_writing()


class FakeRunner:
    """Records what an exchange files. The test is the consumer: it calls `exchange.emit` and `exchange.returned`.

    `script` is called with each message at once, as a consumer that does not suspend would be; `answer` makes
    the call with a part of a body return at once.
    """

    def __init__(self, exchange: Any, host: "FakeHost") -> None:
        self.exchange = exchange
        self.host = host
        self.messages: list[Message] = []
        self.sizes: list[int] = []
        self.ended: list[Message] = []
        self.controls: list[Message] = []
        self.wakes: list[float | None] = []
        self.record: list[tuple[Any, Message]] = []  # what went both ways, with its direction
        self.phase = Phase.LIVE
        self.room = True

    def file_socket(self, message: Message, size: int, behind: Message | None = None) -> bool:
        if self.phase:
            return True
        self.exchange.started = True
        self.sizes.append(size)
        self._give(message)
        if behind is not None:
            self._give(behind)
        return self.room

    def _give(self, message: Message) -> None:
        self.messages.append(message)
        self.record.append(("to-consumer", message))
        self.host.script(self.exchange, message)
        if self.host.returns and message is self.exchange.waiting:
            self.exchange.returned()

    def finish(self, message: Message) -> None:
        if not self.phase:
            self.phase = Phase.ENDING
            self.ended.append(message)
            self.record.append(("to-consumer", message))

    def file_control(self, message: Message) -> None:
        if not self.phase:
            self.controls.append(message)
            self.record.append(("to-consumer", message))

    def wake_after(self, seconds: float | None) -> None:
        self.wakes.append(seconds)

    @property
    def first(self) -> Message:
        return self.messages[0]

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)

    @property
    def whole(self) -> bool:
        """Whether the request has come to its end."""
        return any(message.get("more_body") is False for message in self.messages)


def silent(exchange: Any, message: Message) -> None:
    """A consumer that does nothing."""


def answering(exchange: Any, message: Message) -> None:
    """A consumer that answers 200 once the request is whole, or accepts."""
    if message.get("more_body") is False:
        exchange.emit({"type": "http.response", "status": 200, "body": b"ok"})
    elif message["type"] == "websocket.connect":
        exchange.emit({"type": "websocket.accept"})


class FakeHost:
    """Records exchanges and the access log; `run` does what was put off by `soon`."""

    def __init__(self, script: Callable[[Any, Message], None] = silent, **settings: Any) -> None:
        self.settings = Settings(**settings)
        self.script = script
        self.returns = True
        self.draining: Message | None = None
        self.date = DATE
        self.connections: set[Any] = set()
        self.broadcast: tuple[object, bytes] = (None, b"")
        self.types = {"http", "websocket"}
        self.most = 10_000
        self.runners: list[FakeRunner] = []
        self.due: list[Callable[[], object]] = []
        self.log: list[tuple[int, int]] = []

    def takes(self, type: str) -> bool:
        return type in self.types

    def begin(self, exchange: Any) -> Any:
        if len(self.runners) >= self.most:
            return None
        self.runners.append(FakeRunner(exchange, self))
        return self.runners[-1]

    def soon(self, callback: Callable[[], object]) -> None:
        self.due.append(callback)

    def run(self) -> None:
        while self.due:
            self.due.pop(0)()

    async def room(self, connection: Any) -> None:
        if connection.waiters is None:
            connection.waiters = []
        connection.waiters.append(lambda: None)
        await Suspend()

    def opened(self, request: Any) -> Any:
        return request

    def answered(self, note: Any, status: int, size: int) -> None:
        self.log.append((status, size))


class Site:
    """One connection with everything around it. `feed` gives bytes, `runner` and `exchange` are the latest."""

    def __init__(self, script: Callable[[Any, Message], None] = silent, **settings: Any) -> None:
        self.host = FakeHost(script, **settings)
        self.connection = HTTP1Connection(self.host)
        self.transport = FakeTransport(self.connection)
        self.connection.connection_made(self.transport)
        self.unread: deque[bytes] = deque()
        self.now = 1000.0
        self.tick(0)

    def feed(self, data: bytes, size: int | None = None) -> None:
        """The client sends `data`, which arrives in pieces of `size` bytes while the connection reads."""
        step = size or max(1, len(data))
        self.unread += [data[start : start + step] for start in range(0, len(data), step)]
        self.run()

    def run(self) -> None:
        """Let everything happen that is due; a transport that has nothing more to write tells of its end."""
        transport = self.transport
        self.host.run()
        while self.unread and transport.reading and not transport.closed:
            transport.protocol.data_received(self.unread.popleft())
            self.host.run()
        if transport.closed and (transport.aborted or not transport.waiting):
            self.lose()

    def tick(self, seconds: float) -> None:
        """Let `seconds` pass, in one step; deadlines that are new begin now."""
        self.now += seconds
        self.transport.protocol.tick(self.now)
        self.run()

    def eof(self) -> None:
        if not self.transport.protocol.eof_received():
            self.transport.close()

    def lose(self) -> None:
        self.transport.closed = True
        if not self.transport.protocol.lost:
            self.transport.protocol.connection_lost(None)
            self.run()

    @property
    def runners(self) -> list[FakeRunner]:
        return self.host.runners

    @property
    def runner(self) -> FakeRunner:
        return self.host.runners[-1]

    @property
    def exchange(self) -> Any:
        return self.runner.exchange

    @property
    def websocket(self) -> WebSocket:
        assert isinstance(self.transport.protocol, WebSocket)
        return self.transport.protocol

    @property
    def written(self) -> bytes:
        return bytes(self.transport.written)

    def take(self) -> bytes:
        """What was written since the last look."""
        data = bytes(self.transport.written)
        self.transport.written.clear()
        return data

    def send(self, message: Message) -> Coroutine[Any, Any, None]:
        """`send` of the latest consumer, not yet begun."""
        sending: Coroutine[Any, Any, None] = self.exchange.send(message)
        return sending

    def emit(self, type: str, **keys: Any) -> None:
        """The latest consumer sends one message."""
        self.exchange.emit({"type": type, **keys})
        self.run()

    def respond(self, body: bytes = b"ok", **keys: Any) -> None:
        self.emit("http.response", **{"status": 200, "body": body, **keys})

    def returned(self) -> None:
        """The latest consumer returns from its call."""
        self.exchange.returned()
        self.run()


# -- responses -------------------------------------------------------------------------------------------------


@attrs.frozen
class Reply:
    """One response as a client reads it. `whole`: False when its framing says that something is missing."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    whole: bool = True
    trailers: bytes = b""

    def values(self, name: bytes) -> list[bytes]:
        return [value for own, value in self.headers if own == name]

    @property
    def closes(self) -> bool:
        return b"close" in self.values(b"connection")


def replies(data: bytes, *methods: str) -> list[Reply]:
    """All responses in `data`, which must hold nothing else; `methods` of the requests, GET where none is told.

    Behind a 101 everything is frames: they are its body.
    """
    found: list[Reply] = []
    asked = iter(methods)
    while data:
        head, blank, data = data.partition(b"\r\n\r\n")
        assert blank, f"a head without an end: {head!r}"
        line, *fields = head.split(b"\r\n")
        match = re.fullmatch(rb"HTTP/1\.1 ([0-9]{3}) [^\r\n]*", line)
        assert match, f"no status line: {line!r}"
        headers = [(name, value) for name, _, value in (field.partition(b": ") for field in fields)]
        status = int(match[1])
        method = "" if status < 200 else next(asked, "GET")
        reply, data = _body(Reply(status, headers, b""), method, data)
        if status == 101:
            reply, data = attrs.evolve(reply, body=data), b""
        found.append(reply)
    return found


def _body(reply: Reply, method: str, data: bytes) -> tuple[Reply, bytes]:
    length = reply.values(b"content-length")
    assert len(length) <= 1, f"more than one content-length in {reply}"
    if method == "HEAD" or reply.status in (204, 304) or reply.status < 200:
        return reply, data
    if reply.values(b"transfer-encoding") == [b"chunked"]:
        assert not length
        return _chunks(reply, data)
    if length:
        size = int(length[0])
        return attrs.evolve(reply, body=data[:size], whole=len(data) >= size), data[size:]
    return attrs.evolve(reply, body=data), b""


def _chunks(reply: Reply, data: bytes) -> tuple[Reply, bytes]:
    body = b""
    while True:
        line, end, data = data.partition(b"\r\n")
        if not end:
            return attrs.evolve(reply, body=body, whole=False), b""
        size = int(line, 16)
        if not size:
            break
        body += data[:size]
        assert data[size : size + 2] == b"\r\n"
        data = data[size + 2 :]
    lines = []
    while True:
        line, end, data = data.partition(b"\r\n")
        if not end:
            return attrs.evolve(reply, body=body, whole=False), b""
        if not line:
            return attrs.evolve(reply, body=body, trailers=b"\r\n".join(lines)), data
        lines.append(line)


# -- around a runner -------------------------------------------------------------------------------------------


class Cancelled(BaseException):
    """What the fake runtime throws into a call."""


@attrs.define(eq=False)
class FakeTimer:
    seconds: float
    callback: Callable[[], object]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeRuntime:
    """Runs pumps by hand: at once as far as they go, and on when the test says so."""

    def __init__(self) -> None:
        self.pumps: dict[Any, Coroutine[Any, Any, None]] = {}
        self.timers: list[FakeTimer] = []

    def start(self, runner: Any, message: Message) -> None:
        assert runner not in self.pumps, "two pumps for one consumer"
        self.pumps[runner] = runner.pump(message)
        self.go_on(runner)

    def go_on(self, runner: Any) -> None:
        if advance(self.pumps[runner]):
            del self.pumps[runner]

    def cancel(self, runner: Any) -> None:
        try:
            self.pumps[runner].throw(Cancelled())
        except StopIteration:
            del self.pumps[runner]

    def must_propagate(self, error: BaseException) -> bool:
        return False

    def on_loop(self, callback: Callable[[], object]) -> None:
        callback()

    def later(self, seconds: float, callback: Callable[[], object]) -> FakeTimer:
        self.timers.append(FakeTimer(seconds, callback))
        return self.timers[-1]

    def fire(self) -> None:
        """The time of every timer has come."""
        due, self.timers = self.timers, []
        for timer in due:
            if not timer.cancelled:
                timer.callback()


class FakeLayer:
    """What a dispatcher asks of a layer."""

    def __init__(self) -> None:
        self.closed: list[str] = []

    async def new_channel(self, pattern: str) -> str:
        return "server.fake!"

    async def close_channel(self, channel: str) -> None:
        self.closed.append(channel)


class FakeExchange:
    """Records what a runner tells its exchange. `finishes`: whether a failure ends the connection, as it should."""

    def __init__(self, type: str = "test") -> None:
        self.type = type
        self.started = False
        self.waiting: Message | None = None
        self.runner: Any = None
        self.calls: list[str] = []
        self.finishes = True

    async def send(self, message: Message) -> None:
        """Nothing goes out here."""

    def emit(self, message: Message) -> None:
        """Nothing goes out here."""

    def returned(self) -> None:
        self.waiting = None
        self.calls.append("returned")

    def resume(self) -> None:
        self.calls.append("resume")

    def failed(self) -> None:
        self.calls.append("failed")
        if self.finishes:
            self.runner.finish({"type": "test.disconnect"})

    def end(self, code: int, status: int) -> None:
        self.calls.append(f"end {code} {status}")


class Worker:
    """A dispatcher with one consumer, which records its calls.

    By type of message: it waits in calls of `holds` until `go_on`, its connection ends in those of `ends`, and those
    of `raises` raise.

    Whoever makes one ends it: a pump that is thrown away would be closed by the garbage collector, in another test.
    """

    all: ClassVar[list["Worker"]] = []

    def __init__(self, *, type: str = "test", **settings: Any) -> None:
        self.runtime = FakeRuntime()
        self.layer = FakeLayer()
        self.dispatcher = Dispatcher(self._application, self.layer, Settings(**settings), self.runtime)  # type: ignore[arg-type]
        advance(self.dispatcher.open())
        self.exchange = FakeExchange(type)
        self.calls: list[Message] = []
        self.holds: set[str] = set()
        self.raises: dict[str, BaseException] = {}
        self.ends: set[str] = set()
        self.creating: BaseException | None = None
        self.runner = self.exchange.runner = self.dispatcher.begin(self.exchange)
        self.busy = 0
        Worker.all.append(self)

    @classmethod
    def end_all(cls) -> None:
        """Let every call that waits return."""
        while cls.all:
            worker = cls.all.pop()
            worker.holds.clear()
            for runner in list(worker.runtime.pumps):
                worker.runtime.go_on(runner)

    def _application(self, type: str, layer: Any, channel: str, send: Any) -> Any:
        if self.creating is not None:
            raise self.creating
        return self._consumer

    async def _consumer(self, message: Message) -> None:
        assert not self.busy, "called while a call of it is running"
        self.busy += 1
        try:
            self.calls.append(message)
            if message["type"] in self.holds:
                await Suspend()
            if message["type"] in self.ends:
                self.runner.finish({"type": "test.disconnect"})
            if message["type"] in self.raises:
                raise self.raises[message["type"]]
        finally:
            self.busy -= 1

    def begin(self) -> None:
        """The first message, in whose call the consumer waits."""
        self.holds.add("test.first")
        self.runner.file_socket({"type": "test.first"}, 0)

    def go_on(self) -> None:
        self.runtime.go_on(self.runner)

    @property
    def types(self) -> list[str]:
        return [message["type"] for message in self.calls]

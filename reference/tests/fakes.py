"""What stands around a protocol, without sockets, event loop or clock: everything is recorded."""

from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import Any

from hypothesis import HealthCheck, settings

from seaway.reference import Settings
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

    def reset(self, connection: Any) -> None:
        connection.transport.abort()

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

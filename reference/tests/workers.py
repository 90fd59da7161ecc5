"""What stands around a runner, without event loop, layer or clock: pumps go on when the test says so."""

from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

import attrs

from seaway.reference import Settings
from seaway.reference.dispatcher import Dispatcher

from .fakes import Message, Suspend, advance


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

"""A consumer in the server under test, and its calls, as a test sees them.

Rules of this module: no pytest, no sockets. Every wait has a deadline and ends in `Hang`; what a consumer was told to
do and did not is an `AssertionError` that shows the call.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anyio
from anyio.abc import ByteSendStream
from attrs import frozen

from seaway.conformance.applications.form import decoded, encoded, plain
from seaway.conformance.client.http import within

TERMINAL = frozenset({"http.disconnect", "websocket.disconnect", "lifespan.shutdown", "task.stop"})
GONE = "the consumer's process or its strings are gone"


@frozen
class Raised:
    """What a consumer's call of `send`, or of its layer, raised.

    Args:
        kind: name of its class.
        kinds: names of the builtin classes that it is, and of ``ChannelFull`` and ``MessageTooLarge`` if it is one.
        text: its text.
    """

    kind: str
    kinds: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


class Pending:
    """A command under way in the other process."""

    def __init__(self, shown: str, deadline: float) -> None:
        self._shown = shown
        self._deadline = deadline
        self._ended = anyio.Event()
        self._answer: dict[str, Any] = {}

    def end(self, answer: dict[str, Any]) -> None:
        """File the answer."""
        self._answer = answer
        self._ended.set()

    @property
    def is_done(self) -> bool:
        """Whether it has ended."""
        return self._ended.is_set()

    async def outcome(self) -> Any:
        """Return what it returned, or what it raised as `Raised`.

        Raises:
            Hang: it has not ended in time.
            AssertionError: the consumer cannot say, for it is gone.
        """
        with within(self._deadline, f"{self._shown} has not returned"):
            await self._ended.wait()
        if "gone" in self._answer:
            raise AssertionError(f"{self._shown}: {GONE}")
        if "error" in self._answer:
            return Raised(self._answer["error"], tuple(self._answer["kinds"]), self._answer["text"])
        return decoded(self._answer["value"])

    async def value(self) -> Any:
        """Return what it returned; it must not raise."""
        found = await self.outcome()
        assert not isinstance(found, Raised), f"{self._shown} raised {found}; expected that it returns"
        return found

    async def raised(self, *kinds: str) -> Raised:
        """Return what it raised, which must be one of *kinds*."""
        found = await self.outcome()
        expected = " or ".join(kinds)
        assert isinstance(found, Raised), f"{self._shown} returned {found!r}; expected {expected}"
        assert set(kinds).intersection(found.kinds), f"{self._shown} raised {found}; expected {expected}"
        return found


class Line:
    """A connection with the strings of a puppet: commands go out, answers come in."""

    def __init__(self, stream: ByteSendStream, numbers: Iterator[int], deadline: float) -> None:
        self.deadline = deadline
        self._stream = stream
        self._numbers = numbers
        self._pending: dict[int, Pending] = {}
        self._writing = anyio.Lock()
        self._is_lost = False

    async def tell(self, do: str, **command: Any) -> None:
        """Give a command that has no answer."""
        await self._write({"do": do, **command})

    async def ask(self, shown: str, do: str, **command: Any) -> Pending:
        """Give a command; *shown* names it in errors."""
        number = next(self._numbers)
        pending = self._pending[number] = Pending(shown, self.deadline)
        await self._write({"do": do, "number": number, **command})
        if self._is_lost:
            pending.end({"gone": True})
        return pending

    async def _write(self, command: dict[str, Any]) -> None:
        async with self._writing:
            try:
                await self._stream.send(json.dumps(command).encode() + b"\n")
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                self.lost()

    def answered(self, event: dict[str, Any]) -> None:
        """File an answer."""
        if (pending := self._pending.pop(event["answer"], None)) is not None:
            pending.end(event)

    def lost(self) -> None:
        """The other end is gone: nobody answers any more."""
        self._is_lost = True
        for pending in self._pending.values():
            pending.end({"gone": True})
        self._pending.clear()

    async def close(self) -> None:
        """Let go."""
        await self._stream.aclose()
        self.lost()


class _Hands:
    """What a test can have a consumer do."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def start_send(self, message: Any, *, change: bool = False) -> Pending:
        """Begin to send *message* to the client.

        Args:
            message: anything; an invalid one too.
            change: whether the consumer empties the message as soon as `send` has returned.
        """
        return await self._line.ask(f"send({_short(message)})", "send", message=encoded(message), change=change)

    async def send(self, message: Any, *, change: bool = False) -> None:
        """Send *message*, which must be accepted: `send` returns ``None``."""
        value = await (await self.start_send(message, change=change)).value()
        assert value is None, f"send({_short(message)}) returned {value!r}, expected None"

    async def refused(self, message: Any, *kinds: str) -> Raised:
        """Send *message*, on which `send` must raise one of *kinds*: ``"ValueError"`` if none is given."""
        return await (await self.start_send(message)).raised(*(kinds or ("ValueError",)))

    async def start_layer(self, name: str, *arguments: Any) -> Pending:
        """Begin to call the method *name* of the consumer's view of the layer."""
        shown = f"channel_layer.{name}({', '.join(map(_short, arguments))})"
        return await self._line.ask(shown, "layer", name=name, arguments=[encoded(one) for one in arguments])

    async def layer(self, name: str, *arguments: Any) -> Any:
        """Call the method *name* of the consumer's view of the layer; return what it returned."""
        return await (await self.start_layer(name, *arguments)).value()

    async def layer_refused(self, kind: str, name: str, *arguments: Any) -> Raised:
        """Call the method *name* of the view, which must raise *kind*."""
        return await (await self.start_layer(name, *arguments)).raised(kind)

    async def attribute(self, name: str) -> Any:
        """Return the attribute *name* of the view; a value that no message has comes as `Foreign`."""
        return await (await self._line.ask(f"channel_layer.{name}", "attribute", name=name)).value()


class Outside(_Hands):
    """A task or thread of its own, beside a consumer's calls and beyond their end, that does what the test says."""

    def __init__(self, line: Line, consumer: Consumer) -> None:
        super().__init__(line)
        self.consumer = consumer


class Call(_Hands):
    """One call of a consumer. It runs until the test ends it.

    Attributes:
        message: what the consumer was called with; sequences are lists.
        number: 1 for the first call.
        thread: identity of the thread.
        in_loop: whether an event loop runs in that thread.
        mark: what `set_mark` has set in the consumer's context.
        memory: what `remember` has written to the consumer's memory.
    """

    def __init__(self, consumer: Consumer, event: dict[str, Any]) -> None:
        super().__init__(consumer.line)
        self.consumer = consumer
        self.message: Any = plain(decoded(event["message"]))
        self.number: int = event["number"]
        self.thread: int = event["thread"]
        self.in_loop: bool = event["in_loop"]
        self.mark: Any = event["mark"]
        self.memory: Any = event["memory"]
        self._ended = anyio.Event()
        self._raised: Raised | None = None

    def __repr__(self) -> str:
        return f"call {self.number} with {_short(self.message)}"

    @property
    def type(self) -> str:
        """The type of its message."""
        return str(self.message.get("type")) if isinstance(self.message, dict) else repr(self.message)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return not self._ended.is_set()

    def end(self, raised: Raised | None) -> None:
        """Note how it ended."""
        self._raised = raised
        self._ended.set()

    async def returns(self) -> None:
        """Let it return."""
        await self._line.tell("return")
        raised = await self.ended()
        assert raised is None, f"{self!r} ended with {raised}; expected that it returns"

    async def may_return(self) -> None:
        """Let it return; a server that has cancelled it meanwhile was free to do so."""
        await self._line.tell("return")
        await self.ended()

    async def raises(self, error: str = "Deliberate", text: str = "told to by the suite") -> None:
        """Let it raise: ``"Deliberate"``, an exception like any other, or one of a builtin's name."""
        await self._line.tell("raise", error=error, text=text)
        await self.ended()

    async def let_out(self, message: Any) -> None:
        """Let it send *message*, and raise what `send` raises."""
        await self._line.tell("let out", message=encoded(message))
        await self.ended()

    async def until_refused(self, message: Any) -> Raised:
        """Send *message* again and again until `send` raises; return that."""
        with within(self._line.deadline, f"send({_short(message)}) has not raised"):
            while not isinstance(found := await (await self.start_send(message)).outcome(), Raised):
                await anyio.sleep(0.01)
        return found

    async def stays(self, seconds: float) -> Pending:
        """Let it wait so long without taking commands, a cancellation notwithstanding."""
        return await self._line.ask(f"staying for {seconds:g} seconds", "stay", seconds=seconds)

    async def ended(self) -> Raised | None:
        """Wait until it has ended, by whatever; return what came out of it, a cancellation for example."""
        with within(self._line.deadline, f"{self!r} has not ended"):
            await self._ended.wait()
        return self._raised

    async def set_mark(self, value: Any) -> None:
        """Set a variable in the context of the consumer."""
        await (await self._line.ask("setting a context variable", "mark", value=value)).value()

    async def remember(self, value: Any) -> None:
        """Write to the memory of the consumer."""
        await (await self._line.ask("writing to memory", "remember", value=value)).value()

    async def free(self) -> None:
        """Let every later call of its consumer return by itself, at once: for what a server does not wait long for."""
        await (await self._line.ask("freeing later calls", "free")).value()

    async def outside(self) -> Outside:
        """Begin a task, or a thread, of the consumer's own; it lives on when the call has returned."""
        found: Outside = await (await self._line.ask("beginning a task of its own", "outside")).value()
        return found


class Consumer:
    """A consumer.

    Attributes:
        type: what the application was called with.
        channel: the same.
        calls: its calls so far.
        faults: what is wrong whatever the test is about.
    """

    def __init__(self, line: Line, hello: dict[str, Any]) -> None:
        self.line = line
        self.hello = hello
        self.type: Any = decoded(hello["type"])
        self.channel: Any = decoded(hello["channel"])
        self.calls: list[Call] = []
        self.faults: list[str] = []
        self._taken = 0
        self._news = anyio.Event()

    async def called(self, type: str | None = None) -> Call:
        """Return its next call, once it has begun.

        Args:
            type: what the message must be, if that is known.

        Raises:
            Hang: it was not called in time.
        """
        what = f"the consumer of {self.type} was not called" + (f" with {type}" if type else "")
        after = f" after {self.calls[-1]!r}" if self.calls else ""
        with within(self.line.deadline, what + after):
            while len(self.calls) <= self._taken:
                await self._news.wait()
        call = self.calls[self._taken]
        self._taken += 1
        assert type is None or call.type == type, f"expected a call with {type}, got {call!r}"
        return call

    async def given(self, type: str | None = None) -> Any:
        """Let the next call return, and return its message."""
        call = await self.called(type)
        await call.returns()
        return call.message

    async def disconnected(self) -> Any:
        """Let calls return until the one with the terminal message has; return that message."""
        while True:
            call = await self.called()
            await call.returns()
            if call.type in TERMINAL:
                return call.message

    def went_outside(self, number: int, outside: Outside) -> None:
        """Note that a task of its own has begun, which the command *number* asked for."""
        self.line.answered({"answer": number, "value": outside})

    def reported(self, event: dict[str, Any]) -> None:
        """Take in what its strings report."""
        match event["event"]:
            case "call":
                call = Call(self, event)
                if event["beside"] is not None:
                    self.faults.append(f"{call!r} began while call {event['beside']} was running (CON-030)")
                self.calls.append(call)
            case "returned":
                self.calls[event["number"] - 1].end(None)
            case "raised":
                raised = Raised(event["error"], tuple(event["kinds"]), event["text"])
                self.calls[event["number"] - 1].end(raised)
            case "done":
                self.line.answered(event)
        self._news.set()
        self._news = anyio.Event()

    def lost(self) -> None:
        """Note that its strings are gone."""
        self.line.lost()
        for call in self.calls:
            if call.is_running:
                call.end(Raised("Gone", (), GONE))

    async def let_go(self) -> None:
        """Let it return from every call by itself."""
        await self.line.close()


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 160 else f"{text[:140]}… ({len(text)} characters)"

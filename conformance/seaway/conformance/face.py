"""One asynchronous face for a layer object of either flavour, with a deadline on each call.

Rules of this module: no pytest. The methods of a synchronous layer run in daemon threads, so that one which never
returns holds nobody up. What a call raised is judged where it is awaited: a documented error where none is expected
is a failure (`Unexpected`), any other is a crash (`Crashed`), no answer is `Hang`.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Generator, Sequence
from math import inf
from queue import SimpleQueue
from typing import Any

import anyio
from attrs import frozen

Message = dict[str, Any]
DOCUMENTED: tuple[type[BaseException], ...] = (ValueError, RuntimeError, ConnectionError, AttributeError, TypeError)


class Unexpected(AssertionError):  # noqa: N818 - a verdict
    """A call raised an error that the interface knows, where it was expected to return."""


class Crashed(Exception):  # noqa: N818 - a verdict
    """A call raised what no layer raises."""


class Hang(Exception):  # noqa: N818 - a verdict
    """A call has not returned in time."""


@frozen
class Limits:
    """How long the suite waits, in seconds.

    Args:
        deadline: for what must happen.
        silence: for what must not, where no order gives a better proof.
    """

    deadline: float = 5.0
    silence: float = 0.05


@frozen
class Outcome:
    """How a call ended: it returned *value*, or raised *error*."""

    value: Any = None
    error: BaseException | None = None


class Call:
    """One call of a layer's method. Await it, or one of its methods, once."""

    def __init__(self, face: Face, name: str, arguments: tuple[Any, ...], deadline: float) -> None:
        self._face = face
        self._name = name
        self._arguments = arguments
        self._deadline = deadline
        face.unawaited.add(self)

    def __repr__(self) -> str:
        shown = ", ".join(_short(argument) for argument in self._arguments)
        return f"{self._name}({shown})"

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._value().__await__()

    async def _value(self) -> Any:
        outcome = await self.outcome()
        if outcome.error is None:
            return outcome.value
        known = (*DOCUMENTED, *self._face.own_errors())
        kind = Unexpected if isinstance(outcome.error, known) else Crashed
        raise kind(f"{self!r} raised {_shown(outcome.error)}") from outcome.error

    async def outcome(self) -> Outcome:
        """Return how the call ended, whatever it raised.

        Raises:
            Hang: it has not ended within its deadline.
        """
        self._face.unawaited.discard(self)
        with anyio.move_on_after(self._deadline) as scope:
            try:
                return Outcome(await self._face.run(self._name, self._arguments))
            except Exception as error:
                return Outcome(error=error)
        if scope.cancelled_caught:
            raise Hang(f"{self!r} has not returned within {self._deadline:g} seconds")
        raise Hang(f"{self!r} was cancelled by itself")

    async def raises(self, *kinds: type[BaseException]) -> BaseException:
        """Return the error, which must be one of *kinds*."""
        outcome = await self.outcome()
        expected = " or ".join(kind.__name__ for kind in kinds)
        if outcome.error is None:
            raise AssertionError(f"{self!r} returned {_short(outcome.value)}; expected {expected}")
        if not isinstance(outcome.error, kinds):
            raise AssertionError(f"{self!r} raised {_shown(outcome.error)}; expected {expected}") from outcome.error
        return outcome.error


class Face:
    """A layer object as the tests see it.

    Attributes:
        raw: the object itself.
        is_async: its flavour.
    """

    def __init__(self, raw: Any, is_async: bool, limits: Limits, backend: str) -> None:
        self.raw = raw
        self.is_async = is_async
        self.limits = limits
        self.unawaited: set[Call] = set()
        self._backend = backend

    def call(self, name: str, *arguments: Any) -> Call:
        """Return the call of the method *name*, to be awaited."""
        return Call(self, name, arguments, self.limits.deadline)

    def send(self, channel: Any, message: Any) -> Call:
        """Send."""
        return self.call("send", channel, message)

    def send_group(self, group: Any, message: Any) -> Call:
        """Send to a group."""
        return self.call("send_group", group, message)

    def receive(self, channels: Any, *timeout: Any) -> Call:
        """Receive, with *timeout* if it is given; the deadline is so much later."""
        usable = timeout and isinstance(timeout[0], (int, float)) and 0 < timeout[0] < inf
        return Call(self, "receive", (channels, *timeout), self.limits.deadline + (timeout[0] if usable else 0))

    def new_channel(self, pattern: Any = "here!") -> Call:
        """Make an inbox."""
        return self.call("new_channel", pattern)

    def close_channel(self, channel: Any) -> Call:
        """Close a channel."""
        return self.call("close_channel", channel)

    def group_add(self, group: Any, channel: Any) -> Call:
        """Join."""
        return self.call("group_add", group, channel)

    def group_discard(self, group: Any, channel: Any) -> Call:
        """Leave."""
        return self.call("group_discard", group, channel)

    def close(self) -> Call:
        """Close the object."""
        return self.call("close")

    def flush(self) -> Call:
        """Drop what waits."""
        return self.call("flush")

    def statistics(self) -> Call:
        """Return the counters."""
        return self.call("statistics")

    async def next(self, channels: Any) -> tuple[str, Message]:
        """Return the next channel and message, which must come."""
        given = [channels] if isinstance(channels, str) else channels
        channel, message = await self.receive(given, self.limits.deadline)
        assert channel is not None, f"nothing came from {given!r} within {self.limits.deadline:g} seconds"
        return channel, message

    async def message(self, channels: Any) -> Message:
        """Return the next message, which must come."""
        return (await self.next(channels))[1]

    async def nothing(self, channels: Any) -> None:
        """Nothing must be there, nor come while the silence lasts."""
        given = [channels] if isinstance(channels, str) else channels
        channel, message = await self.receive(given, self.limits.silence)
        assert channel is None, f"expected nothing from {given!r}, got {_short(message)} on {channel!r}"

    async def up_to(self, sentinel: Message, channels: Any) -> list[Message]:
        """Return the messages that come before *sentinel*, which must come."""
        before: list[Message] = []
        while (message := await self.message(channels)) != sentinel:
            before.append(message)
        return before

    async def at_hand(self, channels: Any) -> list[tuple[str, Message]]:
        """Return what is there, and what comes before the silence."""
        given = [channels] if isinstance(channels, str) else channels
        found = []
        while (received := await self.receive(given, self.limits.silence))[0] is not None:
            found.append(received)
        return found

    def own_errors(self) -> tuple[type[BaseException], ...]:
        """Return the exception classes that are attributes of the object, as far as they are there."""
        found = (getattr(self.raw, name, None) for name in ("ChannelFull", "MessageTooLarge"))
        return tuple(one for one in found if isinstance(one, type) and issubclass(one, BaseException))

    async def run(self, name: str, arguments: Sequence[Any]) -> Any:
        """Call the method *name* of the object and return what it returns."""
        method = getattr(self.raw, name)
        if self.is_async:
            return await method(*arguments)
        return await in_thread(lambda: method(*arguments), self._backend)


async def in_thread(function: Callable[[], Any], backend: str) -> Any:
    """Run *function* in a daemon thread and return what it returns; a cancelled call leaves it to itself."""
    done = anyio.Event()
    ended: list[Outcome] = []
    post = _poster(backend)

    def run() -> None:
        try:
            ended.append(Outcome(function()))
        except BaseException as error:
            ended.append(Outcome(error=error))
        post(done.set)

    _threads.run(run)
    await done.wait()
    if ended[0].error is not None:
        raise ended[0].error
    return ended[0].value


class _Threads:
    """Daemon threads that are used again: one more than ever ran at the same time."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew: a forked child has none of its parent's threads."""
        self._idle: SimpleQueue[SimpleQueue[Callable[[], None]]] = SimpleQueue()

    def run(self, function: Callable[[], None]) -> None:
        try:
            inbox = self._idle.get_nowait()
        except Exception:
            inbox = SimpleQueue()
            threading.Thread(target=self._work, args=(inbox,), name="conformance", daemon=True).start()
        inbox.put(function)

    def _work(self, inbox: SimpleQueue[Callable[[], None]]) -> None:
        while True:
            inbox.get()()
            self._idle.put(inbox)


_threads = _Threads()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.forget)


def _poster(backend: str) -> Callable[[Callable[[], None]], None]:
    """Return what runs a function in this event loop, called from any thread; late calls are dropped."""
    if backend == "trio":
        import trio

        post: Callable[..., Any] = trio.lowlevel.current_trio_token().run_sync_soon
        ended: type[Exception] = trio.RunFinishedError
    else:
        post = asyncio.get_running_loop().call_soon_threadsafe
        ended = RuntimeError

    def post_if_it_runs(function: Callable[[], None]) -> None:
        try:
            post(function)
        except ended:
            return

    return post_if_it_runs


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:80]}… ({len(text)} characters)"


def _shown(error: BaseException) -> str:
    return f"{type(error).__name__}: {_short(str(error))}"

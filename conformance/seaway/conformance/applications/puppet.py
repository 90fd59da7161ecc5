"""Consumers that do what the suite tells them, and say what they see: one script, two flavours.

Rules of this module: it knows no server and no protocol. The script is a generator: it yields ``None`` where it waits
for a command, and a function with its arguments where that is to be called in the consumer's flavour; so both flavours
share it. What the functions raise comes back into it.
"""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import secrets
import sys
import threading
import time
from collections.abc import Callable, Generator
from typing import Any

from seaway.conformance.applications.form import decoded, encoded
from seaway.conformance.applications.strings import Strings

Step = tuple[Callable[..., Any], tuple[Any, ...]] | None
Script = Generator[Step, Any, None]

_mark: contextvars.ContextVar[Any] = contextvars.ContextVar("conformance_mark", default=None)
_tasks: set[Any] = set()


class Puppet:
    """One consumer; made by the application call, with its *arguments*."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        self.id = secrets.token_hex(8)
        given = (*arguments, *[None] * 4)
        self.type, self.layer, self.channel, self.send = given[:4]
        self._numbers = itertools.count(1)
        self._running: int | None = None
        self._is_free = False
        self.memory: Any = None
        self.strings = Strings(
            event="application",
            id=self.id,
            type=encoded(self.type),
            channel=encoded(self.channel),
            arguments=len(arguments),
            keywords=sorted(keywords),
            mark=_mark.get(),
            early=self.early(),
            **_place(),
        )

    def early(self) -> dict[str, Any] | None:
        """Do something in the application call, and return what came of it."""
        return None

    def script(self, message: Any) -> Script:
        """Report the call, obey, and report its end."""
        number, beside = next(self._numbers), self._running
        self._running = number
        self.strings.report(
            event="call",
            number=number,
            beside=beside,
            message=encoded(message),
            mark=_mark.get(),
            memory=self.memory,
            **_place(),
        )
        try:
            if beside is None and not self._is_free:  # a second call at once is a fault that the suite has been told of
                yield from self._obey()
        except BaseException as error:
            self.strings.report(event="raised", number=number, **_raised(error))
            raise
        finally:
            self._running = beside
        self.strings.report(event="returned", number=number)

    def _obey(self) -> Script:
        while (command := (yield None)) is not None:
            match command["do"]:
                case "return":
                    return
                case "raise":
                    raise _error(command)
                case "let out":
                    yield self.send, (decoded(command["message"]),)
                    return
                case "outside":
                    self._go_outside(command)
                case _:
                    yield from self.perform(self.strings, command)

    def perform(self, strings: Strings, command: dict[str, Any]) -> Script:
        """Do one command and report how that ended; one that a cancellation ended, too."""
        number = command["number"]
        try:
            match command["do"]:
                case "send":
                    message = decoded(command["message"])
                    value = yield self.send, (message,)
                    if command["change"]:  # the server has read it (CON-063)
                        spoil(message)
                case "layer":
                    arguments = tuple(map(decoded, command["arguments"]))
                    value = yield getattr(self.layer, command["name"]), arguments
                case "attribute":
                    value = getattr(self.layer, command["name"])
                case "mark":
                    value = _mark.set(command["value"]) and None
                case "remember":
                    value = self.memory = command["value"]
                case "free":
                    value, self._is_free = None, True
                case "stay":
                    value = yield self.stay, (command["seconds"],)
                case other:
                    raise NotImplementedError(f"the suite's application knows no command {other!r}")
        except BaseException as error:
            strings.report(event="done", answer=number, **_raised(error, self.layer))
            if not isinstance(error, Exception):
                raise
        else:
            strings.report(event="done", answer=number, value=encoded(value))

    def _go_outside(self, command: dict[str, Any]) -> None:
        strings = Strings(event="outside", id=self.id, answer=command["number"])
        self.spawn(self._outside(strings), strings)

    def _outside(self, strings: Strings) -> Script:
        try:
            while (command := (yield None)) is not None:
                yield from self.perform(strings, command)
        finally:
            strings.close()

    def spawn(self, script: Script, strings: Strings) -> None:
        """Run *script* beside the calls, with commands from *strings*."""
        raise NotImplementedError

    def stay(self, seconds: float) -> Any:
        """Wait so long, in the consumer's flavour, whatever the server does about it."""
        raise NotImplementedError


class AsyncPuppet(Puppet):
    """An asynchronous consumer."""

    async def __call__(self, message: Any) -> None:
        """Take part in the play."""
        await _drive_async(self.script(message), self.strings)

    def spawn(self, script: Script, strings: Strings) -> None:
        """Run *script* in a task of this event loop."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            import trio

            trio.lowlevel.spawn_system_task(_drive_async, script, strings)
        else:
            task = loop.create_task(_drive_async(script, strings))
            _tasks.add(task)
            task.add_done_callback(_tasks.discard)

    async def stay(self, seconds: float) -> None:
        """Sleep so long, a cancellation notwithstanding."""
        import anyio

        until = time.monotonic() + seconds
        try:
            await anyio.sleep(seconds)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(until - time.monotonic())


class SyncPuppet(Puppet):
    """A synchronous consumer."""

    def __call__(self, message: Any) -> None:
        """Take part in the play."""
        _drive(self.script(message), self.strings)

    def spawn(self, script: Script, strings: Strings) -> None:
        """Run *script* in a thread."""
        threading.Thread(target=_drive, args=(script, strings), daemon=True).start()

    def stay(self, seconds: float) -> None:
        """Sleep so long."""
        time.sleep(seconds)


_EARLY = {"type": "http.response", "status": 200, "body": b"too early"}


class AsyncEarly(AsyncPuppet):
    """Sends in the application call."""

    def early(self) -> dict[str, Any] | None:
        """Run `send` as far as it goes without an event loop's help."""
        try:
            next(self.send(_EARLY).__await__())
        except (Exception, StopIteration) as error:
            return _raised(error)
        return None


class SyncEarly(SyncPuppet):
    """Sends in the application call."""

    def early(self) -> dict[str, Any] | None:
        """Send."""
        try:
            self.send(_EARLY)
        except Exception as error:
            return _raised(error)
        return None


def _drive(script: Script, strings: Strings) -> None:
    advance: Callable[[], Step] = lambda: next(script)  # noqa: E731 - it is replaced in each turn
    while True:
        try:
            step = advance()
        except StopIteration:
            return
        try:
            result = strings.command() if step is None else step[0](*step[1])
        except BaseException as error:
            advance = _throwing(script, error)
        else:
            advance = _sending(script, result)


async def _drive_async(script: Script, strings: Strings) -> None:
    advance: Callable[[], Step] = lambda: next(script)  # noqa: E731 - it is replaced in each turn
    while True:
        try:
            step = advance()
        except StopIteration:
            return
        try:
            result = await (strings.command_async() if step is None else step[0](*step[1]))
        except BaseException as error:
            advance = _throwing(script, error)
        else:
            advance = _sending(script, result)


def _throwing(script: Script, error: BaseException) -> Callable[[], Step]:
    return lambda: script.throw(error)


def _sending(script: Script, result: Any) -> Callable[[], Step]:
    return lambda: script.send(result)


def spoil(value: Any) -> None:
    """Empty every list and dict in *value*, at any depth."""
    if isinstance(value, dict):
        for item in value.values():
            spoil(item)
        value.clear()
    elif isinstance(value, list):
        for item in value:
            spoil(item)
        value.clear()


class Deliberate(Exception):  # noqa: N818 - what a test has told a consumer to raise
    """Raised by command."""


def _error(command: dict[str, Any]) -> BaseException:
    known: dict[str, type[BaseException]] = {
        "Deliberate": Deliberate,
        "SystemExit": SystemExit,
        "KeyboardInterrupt": KeyboardInterrupt,
        "CancelledError": asyncio.CancelledError,
        "ConnectionError": ConnectionError,
        "ValueError": ValueError,
    }
    return known[command["error"]](command["text"])


def _raised(error: BaseException, layer: Any = None) -> dict[str, Any]:
    """Describe *error*: its class, the builtin classes that it is, and those of the layer's."""
    kinds = [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"]
    for name in ("ChannelFull", "MessageTooLarge"):
        own = getattr(layer, name, None)
        if isinstance(own, type) and isinstance(error, own):
            kinds.append(name)
    return {"error": type(error).__name__, "kinds": kinds, "text": str(error)[:2000]}


def _place() -> dict[str, Any]:
    """Describe where this runs: which thread, and whether an event loop runs in it."""
    trio = sys.modules.get("trio")
    in_loop = bool(trio and trio.lowlevel.in_trio_run())
    try:
        asyncio.get_running_loop()
        in_loop = True
    except RuntimeError:
        pass
    return {"thread": threading.get_ident(), "in_loop": in_loop}

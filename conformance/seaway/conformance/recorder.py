"""Writes the log of what is done with layer objects, for `history`.

Rules of this module: no layer is imported; an object is recorded whatever its class. A line is with the system before
the call that it speaks of begins, so that the log of a process that is killed is whole.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from attrs import define

from seaway.conformance.history import Event, Operation, as_line

Message = dict[str, Any]


@define
class Answer:
    """What a ``receive`` has returned; empty for any other call."""

    channel: str | None = None
    message: Message | None = None

    def is_(self, received: tuple[str | None, Message | None]) -> tuple[str | None, Message | None]:
        """Take what ``receive`` returned, and return it."""
        self.channel, self.message = received
        return received


class Recorder:
    """The log of one process.

    Args:
        process: its name in the log.
        write: takes each event, one at a time.
    """

    def __init__(self, process: str, write: Callable[[Event], object]) -> None:
        self._process = process
        self._write = write
        self._lock = threading.Lock()
        self._sequence = 0
        self._calls = 0
        self._time = 0

    @classmethod
    def to_file(cls, process: str, path: Path) -> Self:
        """Return a recorder that appends to a file."""
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        return cls(process, lambda event: os.write(file, as_line(event).encode()))

    def happened(self, operation: Operation, process: str = "") -> None:
        """Log a ``"fault"``, or that another process was ``"killed"``."""
        if process and process != self._process:
            event = Event(
                process=process, sequence=2**62, time=time.monotonic_ns(), operation=operation, phase="returned"
            )
            with self._lock:
                self._write(event)
        else:
            self._log(operation=operation, phase="returned")

    @contextmanager
    def call(self, operation: Operation, name: str, **what: Any) -> Iterator[Answer]:
        """Log begin and end of a call of the object *name*; *what* are `Event`'s channels, group and message."""
        with self._lock:
            self._calls += 1
            number = self._calls
        self._log(operation=operation, phase="begun", object=name, call=number, **what)
        answer = Answer()
        try:
            yield answer
        except BaseException as error:
            self._log(operation=operation, phase="raised", object=name, call=number, error=_error(error))
            raise
        self._log(operation=operation, phase="returned", object=name, call=number, **_answered(answer))

    def _log(self, **what: Any) -> None:
        with self._lock:
            self._time = max(self._time + 1, time.monotonic_ns())
            self._write(Event(process=self._process, sequence=self._sequence, time=self._time, **what))
            self._sequence += 1


class AsyncRecorded:
    """An asynchronous layer object whose calls are logged. A message is told from others by its key ``id``."""

    def __init__(self, layer: Any, recorder: Recorder, name: str) -> None:
        self._layer = layer
        self._recorder = recorder
        self._name = name

    async def send(self, channel: str, message: Message) -> None:
        """See the layer."""
        with self._recorder.call("send", self._name, channels=(channel,), message=str(message["id"])):
            await self._layer.send(channel, message)

    async def send_group(self, group: str, message: Message) -> None:
        """See the layer."""
        with self._recorder.call("send_group", self._name, group=group, message=str(message["id"])):
            await self._layer.send_group(group, message)

    async def receive(self, channels: Sequence[str], timeout: float | None = None) -> tuple[str | None, Message | None]:
        """See the layer."""
        with self._recorder.call("receive", self._name, channels=tuple(channels)) as answer:
            return answer.is_(await self._layer.receive(channels, timeout))

    async def group_add(self, group: str, channel: str) -> None:
        """See the layer."""
        with self._recorder.call("group_add", self._name, group=group, channels=(channel,)):
            await self._layer.group_add(group, channel)

    async def group_discard(self, group: str, channel: str) -> None:
        """See the layer."""
        with self._recorder.call("group_discard", self._name, group=group, channels=(channel,)):
            await self._layer.group_discard(group, channel)

    async def close_channel(self, channel: str) -> None:
        """See the layer."""
        with self._recorder.call("close_channel", self._name, channels=(channel,)):
            await self._layer.close_channel(channel)

    async def close(self) -> None:
        """See the layer."""
        with self._recorder.call("close", self._name):
            await self._layer.close()


class SyncRecorded:
    """A synchronous layer object whose calls are logged. A message is told from others by its key ``id``."""

    def __init__(self, layer: Any, recorder: Recorder, name: str) -> None:
        self._layer = layer
        self._recorder = recorder
        self._name = name

    def send(self, channel: str, message: Message) -> None:
        """See the layer."""
        with self._recorder.call("send", self._name, channels=(channel,), message=str(message["id"])):
            self._layer.send(channel, message)

    def send_group(self, group: str, message: Message) -> None:
        """See the layer."""
        with self._recorder.call("send_group", self._name, group=group, message=str(message["id"])):
            self._layer.send_group(group, message)

    def receive(self, channels: Sequence[str], timeout: float | None = None) -> tuple[str | None, Message | None]:
        """See the layer."""
        with self._recorder.call("receive", self._name, channels=tuple(channels)) as answer:
            return answer.is_(self._layer.receive(channels, timeout))

    def group_add(self, group: str, channel: str) -> None:
        """See the layer."""
        with self._recorder.call("group_add", self._name, group=group, channels=(channel,)):
            self._layer.group_add(group, channel)

    def group_discard(self, group: str, channel: str) -> None:
        """See the layer."""
        with self._recorder.call("group_discard", self._name, group=group, channels=(channel,)):
            self._layer.group_discard(group, channel)

    def close_channel(self, channel: str) -> None:
        """See the layer."""
        with self._recorder.call("close_channel", self._name, channels=(channel,)):
            self._layer.close_channel(channel)

    def close(self) -> None:
        """See the layer."""
        with self._recorder.call("close", self._name):
            self._layer.close()


def _answered(answer: Answer) -> dict[str, Any]:
    if answer.channel is None or answer.message is None:
        return {}
    if answer.message["type"] == "layer.gap":
        gap = {"reason": answer.message["reason"], "dropped": answer.message["dropped"]}
        return {"channels": (answer.channel,), **gap}
    return {"channels": (answer.channel,), "message": str(answer.message["id"])}


def _error(error: BaseException) -> str:
    if not isinstance(error, Exception):
        return "Cancelled"
    return "ConnectionError" if isinstance(error, ConnectionError) else type(error).__name__

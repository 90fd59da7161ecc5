"""What is known of one consumer while it lives: its exchange so far, and its call that is running.

Rules of this file: it waits for nothing and calls neither consumer nor server, so both flavours share it. A
synchronous consumer may send from any thread: the exchange moves under a lock.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import anyio
from attrs import define

from seaway.spec.exchange import Exchange, Violation
from seaway.spec.registry import requirements

from .report import Report, requirement_in

__all__ = ["Conversation"]

Message = dict[str, Any]

_TOO_LATE = frozenset({"HTTP-027", "WS-016", "SRV-025"})
"""What a consumer breaks through no fault of its own: it cannot know that its client has gone."""


@define(eq=False)
class _Sending:
    """A message whose `send` has not returned. `is_counted`: the exchange has it already, for what came shows that."""

    message: Message
    is_counted: bool = False


class Conversation:
    """Follows one consumer of `type`, and tells `report` what server and application break.

    A `send` that waits may have been taken by the server or not yet, and others may overtake it. While there are
    such, something is only told if it is wrong either way.
    """

    def __init__(self, type: str, report: Report) -> None:
        self.report = report
        self._exchange = Exchange(type)
        self._lock = Lock()
        self._running = False
        self._sending: list[_Sending] = []
        self._refusals: list[ConnectionError] = []

    @contextmanager
    def call(self, message: Message) -> Iterator[None]:
        """Around a call of the consumer: what is it given, and when; how does it end."""
        with self._lock:
            busy, self._running = self._running, True
            found = self._given(message)
        given = _values_of(message)
        try:
            if busy:
                self.report("server", "CON-030", f"it was called with {_type(message)} while a call was running")
            for one in found:
                self.report("server", one.requirement, one.text)
            yield
        except BaseException as error:
            with self._lock:
                if self._counts_as_return(error):
                    self._exchange.returned()
                else:
                    self._exchange.raised()
            raise
        else:
            with self._lock:
                self._exchange.returned()
        finally:
            self._running = busy
        for key, value, before in given:
            if value != before:
                self.report("application", "MSG-019", f"it changed {key!r} inside the message {_type(message)}")

    @contextmanager
    def sending(self, message: Message) -> Iterator[None]:
        """Around a call of the server's `send`: may this be sent now, and does the server see it the same way."""
        own = _Sending(message)
        with self._lock:
            found = self._if_all_were_taken().message("from-consumer", message)
            if found and self._sending and not self._exchange.fork().message("from-consumer", message):
                found = []
            self._sending.append(own)
        faults = [one for one in found if one.requirement not in _TOO_LATE]
        try:
            for one in faults:
                self.report("application", one.requirement, one.text)
            yield
        except ValueError as error:
            if not faults:
                self._refused(message, error)
            raise
        except ConnectionError as error:
            self._refusals.append(error)
            raise
        else:
            with self._lock:
                if not own.is_counted:
                    self._exchange.message("from-consumer", message)
        finally:
            with self._lock:
                self._sending.remove(own)
        for one in found:
            self.report("server", _of_a_server(one), f"its send took what it must refuse: {one.text}")

    def end(self) -> None:
        """The server has let the consumer go."""
        for one in self._exchange.end():
            self.report("server", one.requirement, one.text, raises=False)

    def _given(self, message: Message) -> list[Violation]:
        """Note that the consumer is given a message, and return what is wrong with that."""
        found = self._exchange.fork().message("to-consumer", message)
        if found and self._sending:
            after = self._if_all_were_taken()
            if not after.message("to-consumer", message):
                self._exchange = after
                for one in self._sending:
                    one.is_counted = True
                return []
        self._exchange.message("to-consumer", message)
        return found

    def _if_all_were_taken(self) -> Exchange:
        after = self._exchange.fork()
        for one in self._sending:
            if not one.is_counted:
                after.message("from-consumer", one.message)
        return after

    def _refused(self, message: Message, error: ValueError) -> None:
        requirement = requirement_in(error)
        if requirement is None:
            self.report("server", "MSG-012", f"its ValueError for {_type(message)} names no requirement: {error}")
        else:
            self.report("application", requirement, f"the server refused {_type(message)}: {error}")

    def _counts_as_return(self, error: BaseException) -> bool:
        """Whether the server takes an exception out of a call for a return (CON-054, CON-058)."""
        return any(error is one for one in self._refusals) or isinstance(error, _cancellations())


def _cancellations() -> type[BaseException] | tuple[type[BaseException], ...]:
    try:
        return anyio.get_cancelled_exc_class()
    except Exception:  # no event loop runs in this thread, so nothing is cancelled
        return ()


def _values_of(message: Any) -> list[tuple[str, Any, Any]]:
    """The values of a message that can be changed, each with a copy."""
    if not isinstance(message, dict):
        return []
    return [(key, value, copy.deepcopy(value)) for key, value in message.items() if isinstance(value, list | dict)]


def _type(message: Any) -> Any:
    return message.get("type", "without a type") if isinstance(message, dict) else repr(message)


def _of_a_server(violation: Violation) -> str:
    """The requirement that a server breaks which lets a consumer break this one."""
    own = requirements()[violation.requirement]
    return own.id if "async server" in own.classes else "MSG-027"

"""Checks what went between a server and one consumer: each message, and whether it was allowed at that moment.

A recorded exchange is a list of lines, each a JSON object:

- ``{"protocol": "http2"}``, at most once and first: the `type` that the application was called with. It may be left
  out where the first message tells.
- ``{"direction": "to-consumer", "message": {...}}``: the consumer was called with this message (in the JSON form).
- ``{"direction": "from-consumer", "message": {...}}``: the server's `send` accepted this message.
- ``{"event": "returned"}`` or ``{"event": "raised"}``: the consumer's call ended. These may be left out: since a
  consumer is called with one message at a time, the next call shows that the one before it ended.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from copy import copy
from functools import cache
from typing import Any

from attrs import frozen

from seaway.spec.errors import InvalidMessage
from seaway.spec.json_form import from_json, read
from seaway.spec.schemas import Direction, index, schema
from seaway.spec.states import Refusal, Region, Table, Transition, protocols, table
from seaway.spec.validation import validate
from seaway.spec.values import RESERVED_PREFIXES

_DIRECTIONS: tuple[Direction, ...] = ("to-consumer", "from-consumer")
_EVENTS = ("returned", "raised")


@frozen
class Violation:
    """A broken requirement: where in the exchange, which one, and how."""

    line: int
    requirement: str
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text} ({self.requirement})"


class Exchange:
    """Follows one consumer's exchange; `message`, `returned`, `raised` and `end` return what was violated.

    Feed it in the order in which things happened. After a violation it goes on from where it was, so that one
    mistake is reported once.

    Args:
        protocol: the `type` that the application was called with. For a protocol of a third party, values and
            reserved types are checked, states are not.
    """

    def __init__(self, protocol: str) -> None:
        self.protocol = protocol
        self._table: Table | None = table(protocol) if protocol in protocols() else None
        self._regions = [_State(region) for region in self._table.regions] if self._table else []
        self._lines = 0
        self._called = False
        self._ended = False
        self._raised = False
        self._wake_is_due = False
        self._drained: set[str] = set()

    @property
    def states(self) -> dict[str, str]:
        """The state of each region of the protocol's table, by the region's name."""
        return {state.region.name: state.name for state in self._regions}

    def fork(self) -> Exchange:
        """Return a copy that goes its own way from here, for one who may have to take a step back."""
        other = copy(self)
        other._regions = [copy(state) for state in self._regions]
        other._drained = set(self._drained)
        return other

    def message(self, direction: Direction, message: dict[str, Any], line: int | None = None) -> list[Violation]:
        """Take a message that went to the consumer, or that its `send` accepted."""
        line = self._count(line)
        try:
            validate(message, None if self._is_foreign(message) else direction)
        except InvalidMessage as error:
            name = message.get("type") if isinstance(message, dict) else None
            return [Violation(line, error.requirement, f"{name or 'message'}: {error.without_requirement}")]
        if direction == "to-consumer":
            self._step_on_event("returned")
        requirement = self._refused(direction, message)
        if requirement is not None:
            where = ", ".join(f"{state.region.name} {state.name}" for state in self._regions)
            text = f"{message['type']} {direction.replace('-', ' ')} is not allowed now" + f" ({where})" * bool(where)
            return [Violation(line, requirement, text)]
        for state in self._regions:
            state.step(direction, message)
        self._called = True
        self._ended = self._table is not None and message["type"] == self._table.terminal
        return []

    def returned(self, line: int | None = None) -> list[Violation]:
        """Take the return of the consumer's call."""
        self._count(line)
        self._step_on_event("returned")
        return []

    def raised(self, line: int | None = None) -> list[Violation]:
        """Take an exception out of the consumer's call: only the terminal message may follow (CON-052)."""
        self._count(line)
        self._step_on_event("raised")
        self._raised = True
        return []

    def end(self) -> list[Violation]:
        """Take the end of the exchange: by then the terminal message has come (CON-046)."""
        if self._table is None or self._ended or not self._called:
            return []
        return [Violation(self._lines, "CON-046", f"the exchange ends without {self._table.terminal}")]

    def _count(self, line: int | None) -> int:
        self._lines = self._lines + 1 if line is None else line
        return self._lines

    def _is_foreign(self, message: Any) -> bool:
        """Whether the message is a third-party protocol's own, so that no schema of ours is for it."""
        type_ = message.get("type") if isinstance(message, dict) else None
        return self._table is None and isinstance(type_, str) and type_.startswith(f"{self.protocol}.")

    def _step_on_event(self, event: str) -> None:
        for state in self._regions:
            state.step_on_event(event)

    def _refused(self, direction: Direction, message: dict[str, Any]) -> str | None:
        """Return the requirement that *message* breaks by coming now; note what later messages depend on."""
        type_ = message["type"]
        if direction == "from-consumer" and not self._called:
            return "CON-029"
        if self._raised and direction == "to-consumer" and self._table and type_ != self._table.terminal:
            return "CON-047" if self._ended else "CON-052"
        return self._refused_by_states(direction, message) or self._refused_by_history(direction, message)

    def _refused_by_states(self, direction: Direction, message: dict[str, Any]) -> str | None:
        type_ = message["type"]
        concerned = [state for state in self._regions if state.knows(direction, type_)]
        if self._regions and not concerned:
            return "MSG-027" if direction == "from-consumer" else "MSG-026"
        for state in concerned:
            requirement = state.refused(direction, message)
            if requirement is not None:
                return requirement
        return None

    def _refused_by_history(self, direction: Direction, message: dict[str, Any]) -> str | None:
        if message["type"] == "server.wake":
            if direction == "to-consumer" and not self._wake_is_due:
                return "SRV-020"
            self._wake_is_due = direction == "from-consumer" and message["after"] is not None
        if message["type"] == "server.drain":
            if message["reason"] in self._drained:
                return "SRV-003"
            self._drained.add(message["reason"])
        return None


class _State:
    """Where one region of a table stands."""

    def __init__(self, region: Region) -> None:
        self.region = region
        self.name = region.initial

    def knows(self, direction: Direction, type_: str) -> bool:
        """Whether the region says anything about such messages."""
        rules: list[Transition | Refusal] = [*self.region.transitions, *self.region.refusals]
        return any(one.direction == direction and _fits(one.types, type_) for one in rules)

    def refused(self, direction: Direction, message: dict[str, Any]) -> str | None:
        """Return the requirement that the message breaks in this state, or ``None`` if a transition allows it."""
        if self._transition(direction, message) is not None:
            return None
        return next(
            (one.requirement for one in self.region.refusals if self._applies(one, direction, message["type"])),
            "MSG-027" if direction == "from-consumer" else "MSG-026",
        )

    def step(self, direction: Direction, message: dict[str, Any]) -> None:
        transition = self._transition(direction, message)
        if transition is not None and transition.target is not None:
            self.name = transition.target

    def step_on_event(self, event: str) -> None:
        for one in self.region.transitions:
            if one.event == event and self.name in one.sources and one.target is not None:
                self.name = one.target
                return

    def _transition(self, direction: Direction, message: dict[str, Any]) -> Transition | None:
        for one in self.region.transitions:
            if one.direction == direction and self.name in one.sources and _fits(one.types, message["type"]):
                values = {**_defaults(message["type"], direction), **message}
                if all(values[key] == value for key, value in one.when.items()):
                    return one
        return None

    def _applies(self, refusal: Refusal, direction: Direction, type_: str) -> bool:
        if refusal.direction != direction or (refusal.sources and self.name not in refusal.sources):
            return False
        return not refusal.types or _fits(refusal.types, type_)


def check_exchange(lines: Iterable[str | dict[str, Any]], protocol: str | None = None) -> list[Violation]:
    """Return every violation in a recorded exchange.

    Args:
        lines: the lines of the recording, as text or as the objects that they stand for; empty lines are skipped.
        protocol: the `type` that the application was called with, if the recording does not tell.

    Raises:
        ValueError: a line is not one of a recording, or the protocol is not known; the text names the line.
    """
    exchange: Exchange | None = Exchange(protocol) if protocol else None
    found: list[Violation] = []
    for number, line in enumerate(lines, 1):
        if isinstance(line, str) and not line.strip():
            continue
        try:
            entry = _entry(line, number)
        except InvalidMessage as error:
            found.append(Violation(number, error.requirement, error.without_requirement))
            continue
        if exchange is None:
            exchange = Exchange(entry.get("protocol") or _protocol_of(entry, number))
        if entry.get("event") == "returned":
            found += exchange.returned(number)
        elif entry.get("event") == "raised":
            found += exchange.raised(number)
        elif "message" in entry:
            found += _message(exchange, entry, number)
    return found + exchange.end() if exchange else found


def _message(exchange: Exchange, entry: dict[str, Any], number: int) -> list[Violation]:
    try:
        message = from_json(entry["message"])
    except InvalidMessage as error:
        return [Violation(number, error.requirement, error.without_requirement)]
    return exchange.message(entry["direction"], message, number)


def _entry(line: str | dict[str, Any], number: int) -> dict[str, Any]:
    try:
        entry = read(line) if isinstance(line, str) else line
    except json.JSONDecodeError as error:
        raise ValueError(f"line {number}: not JSON: {error}") from None
    if isinstance(entry, dict):
        if isinstance(entry.get("protocol"), str) or entry.get("event") in _EVENTS:
            return entry
        if entry.get("direction") in _DIRECTIONS and "message" in entry:
            return entry
    raise ValueError(
        f'line {number}: expected {{"direction": "to-consumer" or "from-consumer", "message": …}}, '
        '{"event": "returned" or "raised"} or {"protocol": …}'
    )


def _protocol_of(entry: dict[str, Any], number: int) -> str:
    message = entry.get("message")
    type_ = message.get("type") if isinstance(message, dict) else None
    first = str(type_).partition(".")[0]
    if first in protocols() and f"{first}." in RESERVED_PREFIXES and entry.get("direction") == "to-consumer":
        return first
    raise ValueError(
        f'line {number}: the first message does not tell the protocol; put {{"protocol": "…"}} on a line before it'
    )


def _fits(types: tuple[str, ...], type_: str) -> bool:
    return type_ in types or ("*" in types and not type_.startswith(RESERVED_PREFIXES))


@cache
def _defaults(type_: str, direction: Direction) -> dict[str, Any]:
    if not any(entry["type"] == type_ for entry in index()):
        return {}
    properties = schema(type_, direction)["properties"]
    return {key: part["default"] for key, part in properties.items() if "default" in part}

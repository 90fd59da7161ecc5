"""Logs of what concurrent tasks, threads and processes did with a layer, and whether the guarantees explain them.

Rules of this module: it judges logs, and knows no layer, no model and no event loop. `recorder` writes logs,
`history_rules` has one function for each guarantee.

A rule finds a history that cannot be explained, whatever the order in which calls that overlapped took effect. What
it cannot see: that several messages together must have been there for an empty ``receive``, when each of them alone
need not; and messages that nobody looked for, which count as still pending.
"""

from __future__ import annotations

import json
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from math import inf
from pathlib import Path
from typing import Any, Literal

from attrs import asdict, frozen

from seaway.conformance.history_spans import Spans
from seaway.spec import inbox_of

Operation = Literal[
    "send", "send_group", "receive", "group_add", "group_discard", "close_channel", "close", "killed", "fault"
]
Phase = Literal["begun", "returned", "raised"]

SHORTEN_SECONDS = 10.0
"""So long `check` looks for the shortest part of a history."""

UNKNOWN_OUTCOME = frozenset({"ConnectionError", "Cancelled"})
"""Errors after which a message is delivered once or never (LAY-037)."""


@frozen(kw_only=True)
class Event:
    """One line of a log.

    Args:
        process: which process wrote it.
        sequence: its place in that process' log, from 0.
        time: nanoseconds on the monotonic clock of the machine; rises within a process.
        operation: a method of the layer. ``"killed"``: the process ended here; ``"fault"``: the broker or a
            connection was touched, or `flush` was called. These two have the phase ``"returned"`` only.
        phase: whether the call began here, returned or raised.
        object: the layer object.
        call: a number that begin and end of a call have in common, unlike any other of this process.
        channels: where to receive from, or the one channel of any other call; for a ``receive`` that returned, the
            channel of the message, or nothing for ``(None, None)``.
        group: the group of the call.
        message: what tells this message from all others; of a gap empty.
        reason: of a gap that was received, else empty.
        dropped: its count.
        error: class name of what was raised; ``"Cancelled"`` for a call that was cancelled.
    """

    process: str
    sequence: int
    time: int
    operation: Operation
    phase: Phase
    object: str = ""
    call: int = 0
    channels: tuple[str, ...] = ()
    group: str = ""
    message: str = ""
    reason: str = ""
    dropped: int | None = None
    error: str = ""

    def __str__(self) -> str:
        what = " ".join(filter(None, (self.group, *self.channels, self.message)))
        gap = f" gap {self.reason} {self.dropped}" if self.reason else ""
        empty = " nothing" if self.operation == "receive" and self.phase == "returned" and not self.channels else ""
        how = self.phase if not self.error else f"raised {self.error}"
        where = f"{self.process}/{self.object}" if self.object else self.process
        return f"{self.time / 1e9:.6f} {where:<12} {self.operation}#{self.call} {what}{gap} {how}{empty}".rstrip()


@frozen(kw_only=True)
class Bounds:
    """What the layer objects were made with, in messages and seconds. A capacity of ``None`` is not judged.

    So many seconds of *recovery* after a fault an answer may still be late: an empty ``receive`` shows nothing.

    A membership that is lost alone, elsewhere than its inbox, is found gone within *found* seconds (GAP-011); 0: none.
    So what was sent within these may come before the news, however late a busy reader takes both.
    """

    capacity: int | None = None
    expiry: float = 60.0
    lease: float = 30.0
    margin: float = 1.0
    recovery: float = 0.0
    found: float = 0.0


@frozen
class Finding:
    """Why a history cannot be explained.

    Args:
        requirement: the guarantee that it breaks; ``"log"``: the log itself is not whole.
        text: what happened, in one line.
    """

    requirement: str
    text: str

    def __str__(self) -> str:
        return f"{self.requirement}: {self.text}"


@frozen(eq=False)
class Call:
    """A call: its first event, and its last if it ended. Two calls are compared by time: `before` is certain."""

    first: Event
    last: Event | None

    @property
    def begin(self) -> float:
        """When it began."""
        return self.first.time

    @property
    def end(self) -> float:
        """When it ended; infinity if it never did."""
        return inf if self.last is None else self.last.time

    @property
    def returned(self) -> bool:
        """Whether it returned."""
        return self.last is not None and self.last.phase == "returned"

    @property
    def is_unknown(self) -> bool:
        """Whether nobody knows if it had an effect."""
        return self.last is None or self.last.error in UNKNOWN_OUTCOME

    @property
    def channel(self) -> str:
        """The channel that it names, or that its message came for; empty if none."""
        event = self.last if self.first.operation == "receive" and self.last is not None else self.first
        return event.channels[0] if event.channels else ""

    @property
    def came(self) -> str:
        """The message that a ``receive`` returned; empty if none."""
        return "" if self.last is None or self.first.operation != "receive" else self.last.message

    @property
    def sender(self) -> tuple[str, str]:
        """The layer object: its process and name."""
        return self.first.process, self.first.object

    def before(self, other: Call) -> bool:
        """Return whether it had ended when *other* began."""
        return self.end < other.begin


@frozen(eq=False)
class Membership:
    """What a ``group_add`` began: certain until another call may have ended it, and over when one has."""

    add: Call
    certain_until: float
    over: float


class History:
    """Events of all processes, as calls.

    Attributes:
        events: in the order of time.
        bounds: what the layer was made with.
        mistakes: why the log is not whole; then nothing else is worth asking.
    """

    def __init__(self, events: Iterable[Event], bounds: Bounds) -> None:
        self.events = sorted(events, key=lambda event: (event.time, event.process, event.sequence))
        self.bounds = bounds
        self.mistakes = list(_mistakes(self.events))
        self._of: dict[tuple[Operation, ...], list[Call]] = {}
        self._unsettled: dict[str, Spans] = {}

    @cached_property
    def calls(self) -> list[Call]:
        """Every call, in the order in which they began."""
        ends = {(one.process, one.call): one for one in self.events if one.phase != "begun" and one.call}
        return [Call(one, ends.get((one.process, one.call))) for one in self.events if one.phase == "begun"]

    def of(self, *operations: Operation) -> list[Call]:
        """Return the calls of *operations*, in the order in which they began."""
        if operations not in self._of:
            self._of[operations] = [call for call in self.calls if call.first.operation in operations]
        return self._of[operations]

    @cached_property
    def sends(self) -> dict[str, Call]:
        """The ``send`` or ``send_group`` of each message."""
        return {call.first.message: call for call in [*self.of("send"), *self.of("send_group")]}

    @cached_property
    def received(self) -> list[Call]:
        """Every ``receive`` that returned something, in the order in which they ended."""
        found = [call for call in self.of("receive") if call.returned and call.channel]
        return sorted(found, key=lambda call: call.end)

    @cached_property
    def deliveries(self) -> dict[str, list[Call]]:
        """By channel, every ``receive`` that returned a message for it, no gap, in the order in which they ended."""
        found: dict[str, list[Call]] = defaultdict(list)
        for call in self.received:
            if call.last is not None and not call.last.reason:
                found[call.channel].append(call)
        return found

    @cached_property
    def takings(self) -> dict[tuple[str, str], Call]:
        """By channel and message, the ``receive`` that returned it."""
        return {(call.channel, call.came): call for call in self.received}

    @cached_property
    def gaps(self) -> list[Call]:
        """Every ``receive`` that returned a gap."""
        return [call for call in self.received if call.last is not None and call.last.reason]

    @cached_property
    def memberships(self) -> dict[tuple[str, str], list[Membership]]:
        """By group and channel, what each ``group_add`` began."""
        found: dict[tuple[str, str], list[Membership]] = defaultdict(list)
        for add in self.of("group_add"):
            ends = list(self._ends(add))
            found[add.first.group, add.channel].append(
                Membership(
                    add,
                    certain_until=min((end.begin for end in ends if not end.before(add)), default=inf),
                    over=min((end.end for end in ends if add.before(end) and end.returned), default=inf),
                )
            )
        return found

    def _ends(self, add: Call) -> Iterator[Call]:
        """Yield the calls that end what *add* began."""
        own = (add.channel, inbox_of(add.channel))
        for one in self.of("group_discard"):
            if (one.first.group, one.channel) == (add.first.group, add.channel):
                yield one
        yield from (one for one in self.of("close_channel") if one.channel in own)
        yield from (one for one in self.of("close") if one.sender == add.sender)

    def last_fault(self, before: float, *, with_kills: bool = False) -> float:
        """Return when the broker was last touched *before* that time, or, *with_kills*, a process killed; or -inf."""
        times = self._troubles if with_kills else self._times["fault"]
        index = bisect_left(times, before)
        return times[index - 1] if index else -inf

    def faults(self, begin: float, end: float, *, with_kills: bool = False) -> bool:
        """Return whether the broker was touched between *begin* and *end*, or, *with_kills*, a process killed."""
        return self.last_fault(end, with_kills=with_kills) > begin

    def is_cut_off(self, call: Call) -> bool:
        """Return whether the broker may not have answered *call*."""
        return self.faults(call.begin - self.bounds.recovery * 1e9, call.end)

    @cached_property
    def _times(self) -> dict[Operation, list[int]]:
        found: dict[Operation, list[int]] = defaultdict(list)
        for one in self.events:
            found[one.operation].append(one.time)
        return found

    @cached_property
    def _troubles(self) -> list[int]:
        return sorted(self._times["fault"] + self._times["killed"])

    def unsettled(self, channel: str, since: float = -inf, until: float = inf) -> list[Call]:
        """Return the ``receive`` calls on *channel* for which a message may have been taken that they did not return.

        They were cancelled, never ended, returned what came for another name, or timed out after a fault, which may
        have cost them an answer (LAY-075); and they began before *until* and ended after *since*.
        """
        if channel not in self._unsettled:
            source = inbox_of(channel) or channel
            calls = [call for call in self.of("receive") if source in call.first.channels]
            self._unsettled[channel] = Spans(call for call in calls if self._may_hold(call, source))
        return self._unsettled[channel].between(since, until)

    def _may_hold(self, call: Call, source: str) -> bool:
        if not call.returned:
            return True
        if not call.channel:
            return self.is_cut_off(call)
        return source not in (call.channel, inbox_of(call.channel))


def findings(events: Iterable[Event], bounds: Bounds | None = None) -> list[Finding]:
    """Return why the guarantees do not explain *events*; empty if they do."""
    from seaway.conformance.history_rules import RULES

    history = History(events, bounds or Bounds())
    if history.mistakes:
        return history.mistakes
    return [finding for rule in RULES for finding in rule(history)]


def shortest(
    events: Iterable[Event], finding: Finding, bounds: Bounds | None = None, seconds: float = inf
) -> list[Event]:
    """Return a part of *events* in which *finding* still stands, and from which no call can be left out.

    What is left out is left out whole: begin and end of a call, and of a message both its sending and its receiving,
    so that the part is a history of its own. After *seconds* what was found by then is returned.
    """
    units = _units(list(events))
    size = max(1, len(units) // 2)
    end = time.monotonic() + seconds
    while True:
        index = 0
        while index < len(units) and time.monotonic() < end:
            rest = units[:index] + units[index + size :]
            if rest and finding in findings([event for unit in rest for event in unit], bounds):
                units = rest
            else:
                index += size
        if size == 1:
            return sorted((event for unit in units for event in unit), key=lambda event: event.time)
        size //= 2


class UnexplainedError(AssertionError):
    """A history cannot be explained; *ids* are the guarantees that it breaks."""

    def __init__(self, text: str, ids: tuple[str, ...]) -> None:
        super().__init__(text)
        self.ids = ids


def check(events: Iterable[Event], bounds: Bounds | None = None) -> None:
    """Raise `UnexplainedError` with the shortest part that cannot be explained, if *events* cannot."""
    logged = list(events)
    if found := findings(logged, bounds):
        part = "\n".join(f"  {event}" for event in shortest(logged, found[0], bounds, SHORTEN_SECONDS))
        more = f"\n({len(found) - 1} more, such as {found[1]})" if found[1:] else ""
        ids = tuple(dict.fromkeys(finding.requirement for finding in found))
        raise UnexplainedError(f"{found[0]}\n{part}{more}", ids)


def read_logs(paths: Iterable[Path]) -> list[Event]:
    """Return the events of all log files; one line that was cut off by a kill may stand at the end of each."""
    events = []
    for path in paths:
        lines = path.read_text(encoding="utf-8").split("\n")[:-1]
        events += [as_event(line) for line in lines]
    return events


def as_line(event: Event) -> str:
    """Return *event* as one line of JSON."""
    return json.dumps(asdict(event)) + "\n"


def as_event(line: str) -> Event:
    """Return the event that `as_line` has made *line* of."""
    data: dict[str, Any] = json.loads(line)
    return Event(**{**data, "channels": tuple(data["channels"])})


def _units(events: Sequence[Event]) -> list[list[Event]]:
    messages = {(one.process, one.call): one.message for one in events if one.message}
    units: dict[Any, list[Event]] = defaultdict(list)
    for event in events:
        call = (event.process, event.call)
        units[messages.get(call) or (call if event.call else (event.process, -1, event.sequence))].append(event)
    return list(units.values())


def _mistakes(events: Sequence[Event]) -> Iterable[Finding]:
    killed = {event.process for event in events if event.operation == "killed"}
    last: dict[str, Event] = {}
    begun: dict[tuple[str, int], Event] = {}
    ended: set[tuple[str, int]] = set()
    messages: set[str] = set()
    for event in events:
        before = last.get(event.process)
        if before is not None and (event.time <= before.time or event.sequence <= before.sequence):
            yield Finding("log", f"time or sequence does not rise in {event.process}: {before}; {event}")
        last[event.process] = event
        key = (event.process, event.call)
        if event.phase == "begun":
            if key in begun:
                yield Finding("log", f"a call begins twice: {event}")
            begun[key] = event
            if event.operation in ("send", "send_group"):
                if event.message in messages:
                    yield Finding("log", f"two messages are told apart by nothing: {event}")
                messages.add(event.message)
        elif event.call:
            first = begun.get(key)
            if first is None or first.operation != event.operation or first.object != event.object:
                yield Finding("log", f"what ends has not begun: {event}")
            if key in ended:
                yield Finding("log", f"a call ends twice: {event}")
            ended.add(key)
    for key, event in begun.items():
        if key not in ended and event.process not in killed:
            yield Finding("log", f"a call of a process that lives has no end: {event}")

"""The broker of the zoo's layer: plain data, a clock of its own, and faults on demand.

Rules of this module: nothing waits here; every rule of the specification is in one small method, so that a mutant
changes one.
"""

from __future__ import annotations

import time
from collections import deque
from math import inf
from typing import TYPE_CHECKING, Any

import anyio
from attrs import define, field

from seaway.spec import inbox_of

if TYPE_CHECKING:
    from seaway.conformance.zoo.model import ModelLayer

Message = dict[str, Any]
FAULTS_SEEN_WITHIN = 0.02


@define
class Entry:
    """A message that waits: for *channel*, until *deadline*, *size* bytes; a gap has size 0.

    *sender* and its *clock* are for mutants only: the healthy layer asks for neither.
    """

    channel: str
    message: Message
    deadline: float
    size: int
    sender: ModelLayer | None = None
    clock: float = 0.0

    @property
    def is_rubbish(self) -> bool:
        """Whether it cannot be decoded."""
        return not self.message


@define(eq=False)
class Inbox:
    """What was sent to the channels under an inbox and not yet taken."""

    name: str
    owner: ModelLayer
    capacity: int
    max_bytes: int
    entries: deque[Entry] = field(factory=deque)
    reading: bool = False

    def has_room(self, size: int) -> bool:
        """Return whether a message of *size* bytes fits (LAY-084)."""
        waiting = [entry for entry in self.entries if entry.size]
        return len(waiting) < self.capacity and sum(entry.size for entry in waiting) + size <= self.max_bytes

    def gap(self, channel: str, reason: str, dropped: int | None) -> Entry:
        """Return the news of a loss."""
        return Entry(channel, {"type": "layer.gap", "reason": reason, "dropped": dropped}, inf, 0)

    def expire(self, now: float) -> None:
        """Put a gap in the place of each message that has expired (GAP-017)."""
        kept: deque[Entry] = deque()
        for entry in self.entries:
            if entry.deadline > now:
                kept.append(entry)
            else:
                self.owner.counters["expired"] += 1
                self.add_gap(kept, entry.channel, "expired")
        self.entries = kept

    def add_gap(self, entries: deque[Entry], channel: str, reason: str) -> None:
        """Count one more message as missing at the end of *entries* (GAP-020)."""
        last = entries[-1] if entries else None
        if last is not None and last.channel == channel and last.message.get("reason") == reason:
            last.message["dropped"] += 1
        else:
            entries.append(self.gap(channel, reason, 1))


class Space:
    """One namespace: its channels, inboxes and groups, and what was last handed out of its normal channels.

    Args:
        copies: how often the broker had been replaced by a copy when its normal channels were last in order.
    """

    def __init__(self, copies: int) -> None:
        self.copies = copies
        self.handed: deque[tuple[str, Entry]] = deque(maxlen=2)
        self.channels: dict[str, deque[Entry]] = {}
        self.inboxes: dict[str, Inbox] = {}
        self.groups: dict[str, dict[str, None]] = {}
        self._waiting: set[anyio.Event] = set()

    def notify(self) -> None:
        """Wake everybody who waits; they look for themselves."""
        for event in self._waiting:
            event.set()

    async def change(self, seconds: float) -> None:
        """Return when something may have changed, or *seconds* have passed; a fault is seen a little later."""
        event = anyio.Event()
        self._waiting.add(event)
        try:
            with anyio.move_on_after(min(seconds, FAULTS_SEEN_WITHIN)):
                await event.wait()
        finally:
            self._waiting.discard(event)


class Broker:
    """Namespaces, a clock, and whether it can be reached."""

    def __init__(self) -> None:
        self.spaces: dict[str, Space] = {}
        self.layers: set[ModelLayer] = set()
        self.is_up = True
        self.is_frozen = False
        self.offset = 0.0
        self.copies = 0

    def now(self) -> float:
        """Return the time by which messages expire."""
        return time.monotonic() + self.offset

    def space(self, namespace: str) -> Space:
        """Return the namespace of that name."""
        return self.spaces.setdefault(namespace, Space(self.copies))

    def lose_data(self) -> None:
        """Forget all but who is connected; owners restore themselves."""
        for space in self.spaces.values():
            space.channels.clear()
            space.groups.clear()
            for inbox in space.inboxes.values():
                inbox.entries.clear()
        for layer in list(self.layers):
            layer.lost_data()

    def promote(self) -> None:
        """Be a copy of itself, to which the last that was handed out is still there."""
        self.copies += 1
        for space in self.spaces.values():
            while space.handed:
                name, entry = space.handed.pop()
                space.channels.setdefault(name, deque()).appendleft(entry)

    def spoil(self, namespace: str, channel: str) -> None:
        """Put an entry into *channel* that nobody can decode."""
        space = self.space(namespace)
        inbox = space.inboxes.get(inbox_of(channel) or "")
        queue = space.channels.setdefault(channel, deque()) if inbox is None else inbox.entries
        queue.append(Entry(channel, {}, inf, 1))

"""An executable model of a layer: channels, inboxes, groups, capacity, expiry and gaps, one step after the other.

Rules of this module: no layer, no event loop, no clock but the model's own. Where the specification leaves a choice,
`Model.next` returns every message that may come, and `Model.take` is told which one came.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any, Literal

from attrs import define, frozen

from seaway.spec import inbox_of

Message = dict[str, Any]
Reason = Literal["overflow", "expired", "lost"]


class ModelFull(Exception):  # noqa: N818 - it stands for the layer's ChannelFull
    """The channel or its inbox has no room (LAY-031, LAY-085)."""


class ModelError(AssertionError):
    """What is said to have been received cannot have been; the text says what could."""


@frozen
class Entry:
    """What waits in a channel: *message*, or, if *gap* is its reason, the place where one is missing."""

    message: Message
    deadline: float
    gap: Reason | None = None


@define
class Inbox:
    """An inbox: for each name under it what waits there. Their order among each other is free."""

    queues: dict[str, deque[Entry]]

    def size(self) -> int:
        """Return how many messages wait."""
        return sum(entry.gap is None for queue in self.queues.values() for entry in queue)


class Model:
    """A layer and its broker.

    Args:
        capacity: messages in a normal channel.
        expiry: seconds after which an unread message is gone.
        inbox_capacity: messages in an inbox.

    Attributes:
        now: the time, in seconds. `advance` moves it.
        expired: messages that have expired in normal channels, which `statistics()` counts (GAP-016).
    """

    def __init__(self, *, capacity: int = 100, expiry: float = 60.0, inbox_capacity: int = 10_000) -> None:
        self.capacity = capacity
        self.expiry = expiry
        self.inbox_capacity = inbox_capacity
        self.now = 0.0
        self.expired = 0
        self._channels: dict[str, deque[Entry]] = {}
        self._inboxes: dict[str, Inbox] = {}
        self._groups: dict[str, dict[str, None]] = {}

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass."""
        self.now += seconds

    # Inboxes and groups

    def open_inbox(self, name: str) -> None:
        """Make an inbox of that name; the random part is the caller's."""
        self._inboxes[name] = Inbox({})

    def close_channel(self, channel: str) -> None:
        """End *channel*; if it is an inbox, all that is under it (LAY-063)."""
        if channel.endswith("!"):
            self._inboxes.pop(channel, None)
        for members in self._groups.values():
            for member in [one for one in members if channel in (one, inbox_of(one))]:
                del members[member]

    def group_add(self, group: str, channel: str) -> None:
        """Make *channel* a member."""
        self._groups.setdefault(group, {})[channel] = None

    def group_discard(self, group: str, channel: str) -> None:
        """End a membership, if there is one."""
        self._groups.get(group, {}).pop(channel, None)

    # Sending

    def send(self, channel: str, message: Message) -> None:
        """Accept *message*, or raise `ModelFull`."""
        name = inbox_of(channel)
        if name is None:
            queue = self._normal(channel)
            if len(queue) >= self.capacity:
                raise ModelFull(channel)
            queue.append(Entry(message, self.now + self.expiry))
        elif (inbox := self._inboxes.get(name)) is not None:
            self._expire(inbox)
            if inbox.size() >= self.inbox_capacity:
                raise ModelFull(channel)
            inbox.queues.setdefault(channel, deque()).append(Entry(message, self.now + self.expiry))

    def send_group(self, group: str, message: Message) -> None:
        """Give *message* to every member; one whose inbox is full gets a gap in its place (LAY-086)."""
        for member in self._groups.get(group, ()):
            inbox = self._inboxes[inbox_of(member) or ""]
            self._expire(inbox)
            gap: Reason | None = "overflow" if inbox.size() >= self.inbox_capacity else None
            inbox.queues.setdefault(member, deque()).append(Entry(message, self.now + self.expiry, gap))

    # Receiving

    def next(self, channels: Iterable[str]) -> list[tuple[str, Message]]:
        """Return each channel and message that a ``receive`` on *channels* may yield now; nothing: none."""
        found = []
        for name in dict.fromkeys(channels):
            queues = {name: self._normal(name)} if inbox_of(name) is None else self._under(name)
            for channel, queue in queues.items():
                if queue:
                    found.append((channel, _gap(queue) if queue[0].gap else queue[0].message))
        return found

    def take(self, channel: str, message: Message) -> None:
        """A ``receive`` has yielded *message* for *channel*.

        A ``layer.gap`` may count any part of what is missing in its place: the rest has to come in the next one.

        Raises:
            ModelError: it cannot have been that.
        """
        name = inbox_of(channel)
        queue = self._normal(channel) if name is None else self._under(name).get(channel, deque())
        if not queue:
            raise ModelError(f"{message!r} came for {channel!r}, where nothing waits")
        first = queue[0]
        if first.gap is None:
            if message != first.message:
                raise ModelError(f"{message!r} came for {channel!r}; expected {first.message!r}")
            queue.popleft()
            return
        most = _gap(queue)
        count = message.get("dropped") or 0
        if {**message, "dropped": None} != {**most, "dropped": None} or not 1 <= count <= most["dropped"]:
            raise ModelError(f"{message!r} came for {channel!r}; expected {most!r}")
        for _ in range(count):
            queue.popleft()

    def _normal(self, channel: str) -> deque[Entry]:
        queue = self._channels.setdefault(channel, deque())
        while queue and queue[0].deadline <= self.now:
            queue.popleft()
            self.expired += 1
        return queue

    def _under(self, name: str) -> dict[str, deque[Entry]]:
        inbox = self._inboxes[name]
        self._expire(inbox)
        return inbox.queues

    def _expire(self, inbox: Inbox) -> None:
        for queue in inbox.queues.values():
            for index, entry in enumerate(queue):
                if entry.gap is None and entry.deadline <= self.now:
                    queue[index] = Entry(entry.message, entry.deadline, "expired")


def _gap(queue: deque[Entry]) -> Message:
    """Return the gap that stands for the missing messages at the head of *queue*."""
    reason = queue[0].gap
    dropped = 0
    for entry in queue:
        if entry.gap != reason:
            break
        dropped += 1
    return {"type": "layer.gap", "reason": reason, "dropped": dropped}

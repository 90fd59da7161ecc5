"""What the zoo's layer does by itself when its connection or its broker is not what it was.

Rules of this module: as in `model`; an object looks whenever it reaches the broker, and no task runs beside.
"""

from __future__ import annotations

from collections import Counter, deque
from math import inf

from seaway.conformance.harness import LinkAction
from seaway.conformance.zoo.broker import Broker, Entry, Inbox, Message, Space
from seaway.conformance.zoo.options import Options


class Recovery:
    """The half of the layer that deals with faults.

    Attributes:
        cut_off: since when nothing passes; ``None``: all is well.
        drops_reply: whether the next answer will be lost.
        missed: whether the broker has lost its data while nothing passed.
        news: inboxes whose owner is to be told at once, without the broker.
        told: whether it was.
        copies: how often the broker had been replaced by a copy when it was last seen.
        renewed: when the memberships were last looked at.
    """

    options: Options
    broker: Broker
    counters: Counter[str]
    own: dict[str, Inbox]
    memberships: set[tuple[str, str]]

    def begin(self, broker: Broker) -> None:
        """Know the broker as it is now."""
        self.broker = broker
        self.cut_off: float | None = None
        self.drops_reply = False
        self.missed = False
        self.news: deque[str] = deque()
        self.told = False
        self.copies = broker.copies
        self.renewed = broker.now()

    @property
    def space(self) -> Space:
        """The namespace of this object."""
        return self.broker.space(self.options.namespace)

    @property
    def is_reachable(self) -> bool:
        """Whether the broker is."""
        return self.broker.is_up and self.cut_off is None

    def reach(self) -> None:
        """Refuse while the broker is away; look what has become of it."""
        if not self.is_reachable:
            raise ConnectionError("no answer from the broker")
        self.look()

    def answered(self) -> None:
        """Refuse when the answer to what was done was lost (LAY-036)."""
        if self.drops_reply:
            self.drops_reply = False
            raise ConnectionError("the connection was lost before an answer came")

    def look(self) -> None:
        """See whether the broker is a copy, or memberships are missing there."""
        if self.copies != self.broker.copies:
            self.copies = self.broker.copies
            self.on_copy()
        if self.broker.now() - self.renewed > self.options.lease / 3:
            self.renewed = self.broker.now()
            for group, channel in sorted(self.memberships):
                if channel not in self.space.groups.get(group, {}):
                    self.on_vanished(group, channel)

    # What happens to the link

    def on_link(self, action: LinkAction) -> None:
        """Do that to this object's connection."""
        if action == "cut":
            self.on_cut()
        elif action == "drop_reply":
            self.drops_reply = True
        elif action == "blackhole":
            self.cut_off = self.broker.now()
        elif action == "restore":
            self.drops_reply = False
            if self.cut_off is not None:
                self.cut_off = None
                self.on_back()

    def on_cut(self) -> None:
        """Connect anew; nothing was lost."""

    def on_back(self) -> None:
        """See what was missed (GAP-004), and say that it is back if it has said that it was gone (GAP-005)."""
        self.news.clear()
        if self.missed:
            self.missed = False
            self.on_lost_data()
        elif self.told:
            self.tell_all()
        self.told = False

    def notice(self) -> None:
        """Say that the broker was away for a whole lease (GAP-005)."""
        if self.cut_off is not None and not self.told and self.broker.now() - self.cut_off >= self.options.lease:
            self.told = True
            self.news.extend(self.own)

    def told_at_once(self, names: list[str]) -> tuple[str, Message] | None:
        """Return a gap that the layer makes without the broker."""
        self.notice()
        for name in [name for name in self.news if name in names]:
            self.news.remove(name)
            return name, self.own[name].gap(name, "lost", None).message
        return None

    # What happens to the broker

    def lost_data(self) -> None:
        """The broker has lost its data; this object sees that when it reaches it."""
        if self.cut_off is None:
            self.on_lost_data()
        else:
            self.missed = True

    def on_lost_data(self) -> None:
        """Restore memberships and say that something may be missing (GRP-016, GAP-010)."""
        for group, channel in self.memberships:
            self.join_again(group, channel)
        self.tell_all()

    def tell_all(self) -> None:
        """Say in every inbox that something may be missing."""
        for inbox in self.own.values():
            inbox.entries.append(inbox.gap(inbox.name, "lost", None))

    def join_again(self, group: str, channel: str) -> None:
        """Restore one membership."""
        self.space.groups.setdefault(group, {})[channel] = None

    def on_vanished(self, group: str, channel: str) -> None:
        """Restore a membership that is gone, and say so (GAP-011)."""
        self.join_again(group, channel)
        inbox = self.own[channel.partition("!")[0] + "!"]
        inbox.entries.append(inbox.gap(channel, "lost", None))

    def on_copy(self) -> None:
        """The broker is a copy: the first who sees it drops what waits in normal channels (LAY-074)."""
        if self.space.copies != self.broker.copies:
            self.space.copies = self.broker.copies
            self.purge()
        self.tell_all()

    def purge(self) -> None:
        """Drop what waits in normal channels, and count it."""
        for queue in self.space.channels.values():
            self.counters["lost"] += len(queue)
            queue.clear()

    def without_rubbish(self, queue: deque[Entry]) -> None:
        """Drop what cannot be decoded in a normal channel, and count it (SEC-010)."""
        for entry in [entry for entry in queue if entry.is_rubbish]:
            queue.remove(entry)
            self.counters["lost"] += 1

    def decoded(self, inbox: Inbox, entry: Entry) -> Entry:
        """Return *entry*, or a gap if it cannot be decoded (SEC-010)."""
        if not entry.is_rubbish:
            return entry
        self.counters["lost"] += 1
        return Entry(entry.channel, inbox.gap(entry.channel, "lost", 1).message, inf, 0)

"""Which channels under an inbox are in which group, and since which position of the inbox.

Rules of this module: no I/O. At the broker a group is a set of inboxes; who is a member inside this process, only this
process knows. A membership is an interval of ids of the inbox: the broker's answer to a join or a leave names the last
id at that moment, so a group message reaches those who were members when it was sent, whenever it is read.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from seaway.layers.redis._wire import Id

_NEVER: Id = (0, 0)


class Membership:
    """One group, as one inbox is in it.

    Attributes:
        score: the end of the inbox's lease in the group, as the broker told it last; ``None``: not a member there.
        joining: the join that is at work, until its answer has come.
        turn: those who want to change it and wait, the first of them at work: changes run one after the other.
    """

    __slots__ = ("_left", "_newest", "_snapshot", "channels", "group", "joining", "score", "turn")

    def __init__(self, group: str) -> None:
        self.group = group
        self.channels: dict[str, Id] = {}
        self.score: int | None = None
        self.joining: Change | None = None
        self.turn: deque[Any] = deque()
        self._left: list[tuple[str, Id, Id]] = []
        self._newest = _NEVER
        self._snapshot: tuple[str, ...] = ()

    def add(self, channel: str, since: Id) -> None:
        self.channels[channel] = since
        self._newest = max(self._newest, since)
        self._snapshot = ()

    def discard(self, channel: str, until: Id | None) -> None:
        """End the membership of *channel*; what was sent until then still reaches it, unless *until* is ``None``."""
        since = self.channels.pop(channel, None)
        if since is not None and until is not None and until > since:
            self._left.append((channel, since, until))
        self._snapshot = ()

    def forget_left(self, position: Id) -> None:
        """Everything up to *position* was read: who left until then gets nothing more."""
        self._left = [left for left in self._left if left[2] > position]

    def at(self, id_: Id) -> tuple[str, ...]:
        """Return who was a member when the entry *id_* was written. Entries are asked for in order."""
        if self._left:
            self._left = [left for left in self._left if left[2] >= id_]
        if self._left or id_ <= self._newest:
            members = dict.fromkeys(channel for channel, since in self.channels.items() if since < id_)
            members.update(dict.fromkeys(channel for channel, since, until in self._left if since < id_ <= until))
            return tuple(members)
        if not self._snapshot:
            self._snapshot = tuple(self.channels)
        return self._snapshot

    def forget_positions(self) -> None:
        """The inbox begins anew: its old ids say nothing any more."""
        self.channels = dict.fromkeys(self.channels, _NEVER)
        self._newest = _NEVER
        self._left = []

    def is_idle(self) -> bool:
        """Return whether nothing is left to remember."""
        return not self.channels and not self.turn and not self._left and self.score is None


class Background:
    """Has the turn of a membership, and nobody to wake."""

    def wake(self) -> None:
        """Nothing: it has never waited."""


class Change:
    """One change of a membership, under way.

    Attributes:
        stream: which stream of the inbox the answer is about.
        along: joins of other channels that share the answer to this one, each with the *waiter* of its call.
        is_cancelled: whether its call has failed.
        is_answered: whether the broker has said that the inbox is a member.
        is_done: whether that has made the channel a member.
    """

    def __init__(self, own: Any, membership: Membership, channel: str) -> None:
        self.own = own
        self.membership = membership
        self.channel = channel
        self.stream = 0
        self.along: dict[str, Change] = {}
        self.waiter: Any = None
        self.is_cancelled = False
        self.is_answered = False
        self.is_done = False

    def may_share(self, channel: str) -> bool:
        """Return whether a join of *channel* may share the answer: not of one that another call could take back."""
        return channel != self.channel and channel not in self.along

"""An inbox as its owner knows it: how far it has read, what it has taken, and what is missing.

Rules of this module: no I/O. Ids only grow, over every stream that an inbox ever had; so a reply that comes late, or
twice, adds nothing. What is not delivered is a gap, in its position, before anything that comes later.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from os import getpid
from socket import gethostname
from time import monotonic
from typing import Any

from seaway.layers._queues import Fanout
from seaway.layers.redis._greeting import History
from seaway.layers.redis._jobs import call
from seaway.layers.redis._members import Membership
from seaway.layers.redis._scripts import ATTACH, DETACH, LOOK, TEND
from seaway.layers.redis._settings import RedisOptions
from seaway.layers.redis._store import Client, Entry, Inbox, Store, gap
from seaway.layers.redis._wire import Codec, Command, Head, Id, parse_id, show_id
from seaway.layers.redis.keys import Keys

READ_AHEAD = 500
"""Entries, and `READ_AHEAD_BYTES`, that are read before anybody takes them; they still count as in the inbox."""

READ_AHEAD_BYTES = 1 << 22

TEND_SECONDS = 0.1
"""How long a reader that is busy lets its inbox alone, unless `UNTOLD` messages were taken or room may be short. To
tend it before every read would be half of the broker's work for one message at a time."""

UNTOLD = 64
_MOST_DIGITS = 16
_MARKS = (b"o", b"x")
_MUTABLE = frozenset((list, dict))

RawEntry = Sequence[Any]
"""An id, and a list of one field and one value."""


class OwnInbox:
    """One inbox of this object.

    Attributes:
        counted: messages at hand when the engine last looked.
        is_reporting: whether the next batch is about to tell what was taken.
        paused: whether nothing is read for now, since nobody takes what was.
        attached: whether the broker has it as we know it, as far as we know.
        streams: how many streams it has had: positions are of one stream.
        is_attaching: whether `attach` is asked and not answered, so that it may be carried out after a `detach`.
        is_doubted: whether somebody else was told that the broker has it no more: the reader has to ask.
        is_ready: whether it may be read: after a loss only when its memberships have been looked after too.
        history: of the broker where we know that.
        memberships: by group.
        contact: when the broker was last known to keep it for us, on the monotonic clock.
        clock: that of the broker that has it, as seen from here.
    """

    def __init__(
        self, name: str, store: Store, client: Client, options: RedisOptions, codec: Codec, keys: Keys
    ) -> None:
        self.name = name
        self.place: Inbox = store.open_inbox(client, name, options.inbox_capacity, options.inbox_bytes)
        self.stream, self.hash = keys.inbox(name)
        self.memberships: dict[str, Membership] = {}
        self.groups_of: dict[str, set[str]] = {}
        self.attached = False
        self.is_ready = True
        self.is_doubted = False
        self.is_attaching = False
        self.streams = 0
        self.closed = False
        self.paused = False
        self.counted = 0
        self.is_reporting = False
        self.history: History | None = None
        self.contact = 0.0
        self.clock = Clock(monotonic)
        self.position: Id = (0, 0)
        self._cut_off = False
        self._epoch = 0
        self._fresh = 0
        self._given = [0, 0]
        self._reported = [0, 0]
        self._entered: deque[tuple[int, Id]] = deque()
        self._leaving: deque[tuple[Id, Membership]] = deque()
        self._tended = 0.0
        self._rest: list[RawEntry] = []
        self._begin: Id = (0, 0)
        self._has_lapsed = False
        self._more = False
        self._size = 1
        self._owner = f"{options.client_name} {gethostname()}:{getpid()}"
        self._base = keys.base
        self._store = store
        self._client = client
        self._options = options
        self._codec = codec

    # What is asked of the broker

    def attach(self, history: History | None, is_redirected: bool = False) -> Command:
        """Return the command that takes this inbox at a broker of that *history*.

        Args:
            history: which has no matter for a new inbox.
            is_redirected: whether nodes of a Cluster have said that its slot is elsewhere.
        """
        self._fresh += 1
        self.is_attaching = True
        place = self.place
        known = self.history
        other = known is not None and (
            history is None or not (history.continues(known) or history.is_move(known, is_redirected))
        )
        return call(
            ATTACH, (self.stream, self.hash), self._base, self._epoch, self._fresh, show_id(self.position),
            self._given[0], self._options.lease_at_broker(), self._options.inbox_capacity, self._options.inbox_bytes,
            place.count, place.bytes, "1" if other else "0", self._owner,
        )  # fmt: skip

    def attached_by(self, reply: Sequence[Any], fresh: int, history: History | None, now: float) -> None:
        """Take the broker's answer to `attach`, whose epoch was *fresh*."""
        if reply[0] == b"late":
            self._epoch, self._fresh = 0, max(self._fresh, int(reply[1]))
            return
        if self._cut_off and reply[0] != b"new":
            self._lost()
        self._cut_off = False
        if reply[0] == b"new":
            self._begin_anew(reply, is_first=self._epoch == 0 and self.history is None)
        self._epoch = fresh
        self._reported = [-1, -1]
        self.history = history
        self.contact = now
        self.attached = True

    @property
    def fresh(self) -> int:
        """The epoch that the last `attach` asked for."""
        return self._fresh

    def is_due(self, now: float) -> bool:
        """Return whether `tend` is worth the broker's time before the next read."""
        untold = self._given[0] - self.place.count - self._reported[0]
        since = now - self._tended
        in_time = since < min(TEND_SECONDS, self._options.lease / 4) and untold < UNTOLD and not self.is_pressed()
        return not in_time or self.is_doubted or self._has_lapsed

    def tend(self, now: float) -> Command:
        """Return the command that keeps this inbox, and tells what was taken."""
        self._tended = now
        taken, size = self._taken()
        first = ""
        if taken == self._given[0]:
            if self.position > (0, 0) and self._reported[0] != taken:
                first = show_id((self.position[0], self.position[1] + 1))
            self._entered.clear()
        else:
            while self._entered and self._entered[0][0] <= taken:
                id_ = self._entered.popleft()[1]
                first = show_id((id_[0], id_[1] + 1))
        self._reported = [taken, size]
        self.is_reporting = False
        return call(
            TEND,
            (self.stream, self.hash),
            self._base,
            self._epoch,
            self._options.lease_at_broker(),
            first,
            taken,
            size,
        )

    def tended_by(self, reply: Any, asked: float) -> None:
        """Take the broker's answer to the reader's `tend`, which was asked then. Before what was read with it."""
        self.is_doubted = False
        if reply != 1:
            self.attached = False
            return
        self.contact = asked
        if self._has_lapsed and self.is_ready:
            self._has_lapsed = False
            self._lost()

    def may_feed(self) -> bool:
        """Return whether what is read now comes after all news of what is missing before it."""
        return self.is_ready and not self._has_lapsed

    def look(self) -> Command:
        """Return the command that reads on without waiting."""
        return call(LOOK, (self.stream, self.hash), self._base, self._epoch, show_id(self.position), READ_AHEAD)

    def detach(self) -> Command:
        """Return the command that gives this inbox up."""
        return call(DETACH, (self.stream, self.hash), self._base, self._fresh)

    def has_room(self) -> bool:
        """Return whether more should be read."""
        return self.place.count < READ_AHEAD and self.place.bytes < READ_AHEAD_BYTES

    def has_plenty_of_room(self) -> bool:
        """Return whether reading may go on after a pause."""
        return self.place.count < READ_AHEAD // 2 and self.place.bytes < READ_AHEAD_BYTES // 2

    def most_to_read(self) -> int:
        """Return how many entries to read at once, by the size of those that came last."""
        return max(1, min(READ_AHEAD, READ_AHEAD_BYTES // self._size))

    def is_urgent(self) -> bool:
        """Return whether so much was taken that senders must hear of it before the next read."""
        untold = self._given[0] - self.place.count - self._reported[0]
        return (64 * untold >= self._options.inbox_capacity or untold >= READ_AHEAD // 8) and self.is_pressed()

    def is_pressed(self) -> bool:
        """Return whether senders may soon find no room that is there: then what was taken has to be told at once."""
        taken, size = self._taken()
        options = self._options
        untold = taken - self._reported[0]
        if not untold:
            return False
        return (
            self._more
            or 2 * (self.place.count + untold) >= options.inbox_capacity
            or 2 * (self.place.bytes + size - self._reported[1]) >= options.inbox_bytes
        )

    def _taken(self) -> tuple[int, int]:
        return self._given[0] - self.place.count, self._given[1] - self.place.bytes

    # What comes from it

    def feed(self, entries: Sequence[RawEntry]) -> None:
        """Take *entries* that were read."""
        batch: list[Entry] = []
        most = self.most_to_read()
        codec, entered = self._codec, self._entered
        given, size = self._given
        largest = 0
        for raw, fields in entries:
            id_ = parse_id(raw)
            if id_ <= self.position:
                continue
            self.position = id_
            field, payload = fields[0], fields[1]
            head = codec.heads.get(field) or codec.head(field)
            if head is None and field in _MARKS:
                batch = self._mark(field, payload, batch)
                continue
            length = len(payload)
            given += 1
            size += length
            if length > largest:
                largest = length
            entered.append((given, id_))
            if head is None:
                batch.append(self._undecodable((self.name,)))
                continue
            deadline = self.clock.deadline(id_[0], head.life)
            if head.is_group:
                batch += self._fanout(id_, head, payload, deadline)
                continue
            message = codec.message(head.encrypted, payload)
            name = self.name + head.target
            batch.append(self._undecodable((name,)) if message is None else (deadline, length, name, message))
        self._given = [given, size]
        self._size = max(largest, self._size * 7 // 8, 1)
        self._more = len(entries) >= most
        self._store.feed(self.place, batch)
        while self._leaving and self._leaving[0][0] <= self.position:
            self.forget_if_idle(self._leaving.popleft()[1])

    def left(self, membership: Membership, channel: str, until: Id | None) -> None:
        """End the membership of *channel*; what was sent until then still reaches it, unless *until* is ``None``."""
        is_behind = until is not None and until > self.position
        membership.discard(channel, until if is_behind else None)
        if until is not None and is_behind:
            self._leaving.append((until, membership))

    def forget_if_idle(self, membership: Membership) -> None:
        """Forget *membership*, if nothing is left to remember."""
        membership.forget_left(self.position)
        if membership.is_idle() and self.memberships.get(membership.group) is membership:
            del self.memberships[membership.group]

    def _mark(self, field: bytes, value: bytes, batch: list[Entry]) -> list[Entry]:
        """Take an entry that is no message; return what remains of *batch*, which came before it."""
        if field == b"x":
            self._store.feed(self.place, batch)
            self._store.drop(self.place)
            return []
        count = int(value) if value.isdigit() and len(value) < _MOST_DIGITS else 0
        if count > 0:
            self._client.dropped["overflow"] += count
            batch.append(gap((self.name,), "overflow", count))
        return batch

    def _fanout(self, id_: Id, head: Head, payload: bytes, deadline: float) -> Iterator[Entry]:
        membership = self.memberships.get(head.target)
        channels = membership.at(id_) if membership is not None else ()
        if not channels:
            return
        encoded = self._codec.encoded(head.encrypted, payload)
        message = self._codec.message(False, encoded) if encoded is not None else None
        if message is None:
            yield self._undecodable(channels)
            return
        flat = _MUTABLE.isdisjoint(map(type, message.values()))
        yield Fanout(channels, message, None if flat else encoded, deadline, len(payload))

    def _undecodable(self, channels: tuple[str, ...]) -> Fanout:
        self._client.dropped["lost"] += 1
        return gap(channels, "lost", 1)

    # What is missing

    def cut(self, now: float) -> None:
        """The broker has been away; say so if it may have given the inbox up by now (GAP-005)."""
        self.attached = False
        if not self._cut_off and self.history is not None and now - self.contact >= self._options.lease:
            self._cut_off = True
            self._lost()

    def lapsed(self) -> None:
        """A membership was found gone (GAP-011). The reader says so when it knows if the inbox was lost with it."""
        self._has_lapsed = True

    def _lost(self) -> None:
        self._client.dropped["lost"] += 1
        self._store.feed(self.place, [gap((self.name,), "lost", None)])

    def _begin_anew(self, reply: Sequence[Any], is_first: bool) -> None:
        # What was not taken from earlier streams counts on in the new one.
        self._given = [self.place.count, self.place.bytes]
        self._entered.clear()
        if is_first:
            self.position = parse_id(reply[1])
            return
        self.is_ready = False
        self._rest += reply[2]
        self._begin = parse_id(reply[1])

    def ready(self) -> None:
        """After a loss: give the news, and what could still be read; the memberships have been looked after."""
        rest, self._rest = self._rest, []
        self._lost()
        self.feed(rest)
        if self._has_lapsed and rest:
            self._lost()  # what groups have sent since the rest
        self._has_lapsed = False
        self.position = max(self.position, self._begin)
        self.streams += 1
        self._leaving.clear()
        for membership in list(self.memberships.values()):
            membership.forget_positions()
            self.forget_if_idle(membership)
        self.is_ready = True


class Clock:
    """The broker's clock as seen from here: what it said last, and the time since, by our monotonic clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._monotonic = clock
        self._ahead = 0.0

    def set(self, seconds: bytes | int, microseconds: bytes | int) -> None:
        """Take the broker's time, which has just come. It was read earlier, so nothing expires before its time."""
        self._ahead = int(seconds) + int(microseconds) / 1e6 - self._monotonic()

    def deadline(self, milliseconds_: int, life: float) -> float:
        """Return when what was written then, by the broker's clock, expires, by ours.

        What was written in that millisecond may have been written at its end, and nothing expires before its time.
        """
        return (milliseconds_ + 1) / 1000 + life - self._ahead

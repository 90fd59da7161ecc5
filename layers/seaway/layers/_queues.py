"""What waits in a hub: the queue of a normal channel, and the inbox of a layer object.

Rules of this module: everything here is called with the hub's lock held, never waits, and takes the time as an
argument, or a clock where the time may not be needed. A queue that is not empty has something to give, or something
that has expired.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from math import inf
from typing import TypeAlias, final

from seaway.layers._waiters import Waiter
from seaway.layers.base import Message, decode

Clock: TypeAlias = Callable[[], float]

Direct: TypeAlias = tuple[float, int, str, Message]
"""A message for one channel under an inbox: its deadline, size in bytes, channel, and itself."""


class Client:
    """What a hub knows about one layer object: what it owns, and what it did and saw (LAY-108).

    Attributes:
        inboxes: those that it owns, by name.
        ended: names of the latest that it has closed; they are not taken for somebody else's.
        waiters: those of its calls that wait.
    """

    __slots__ = ("closed", "dropped", "ended", "inboxes", "received", "sent", "waiters")

    def __init__(self) -> None:
        self.closed = False
        self.inboxes: dict[str, Inbox] = {}
        self.ended: deque[str] = deque(maxlen=100)
        self.waiters: set[Waiter] = set()
        self.sent = 0
        self.received = 0
        self.dropped = {"overflow": 0, "expired": 0, "lost": 0, "unknown": 0}


class Channel:
    """A normal channel.

    Args:
        name: its name.
        served: the hub's count of turns now.

    Attributes:
        queue: pairs of deadline and message, oldest first.
        waiters: the armed waiters of the calls that wait for this channel, oldest first.
        served: the hub's count of turns when a message was last taken from here (LAY-055).
        soonest: a bound: nothing in the queue expires before it.
    """

    __slots__ = ("name", "queue", "served", "soonest", "waiters")

    def __init__(self, name: str, served: int) -> None:
        self.name = name
        self.queue: deque[tuple[float, Message]] = deque()
        self.waiters: dict[Waiter, None] = {}
        self.served = served
        self.soonest = inf

    def put(self, deadline: float, message: Message) -> None:
        if deadline < self.soonest:
            self.soonest = deadline
        self.queue.append((deadline, message))

    def pop(self, clock: Clock, client: Client) -> tuple[str, Message] | None:
        """Take the next message for *client*."""
        queue = self.queue
        now = clock()
        while queue:
            deadline, message = queue.popleft()
            if deadline > now:
                client.received += 1
                return self.name, message
            client.dropped["expired"] += 1
        return None

    def drop_expired(self, now: float, client: Client) -> None:
        """Drop what has expired, anywhere in the queue; *client* has found it (LAY-082, GAP-016)."""
        if now < self.soonest:
            return
        before = len(self.queue)
        self.queue = deque(entry for entry in self.queue if entry[0] > now)
        self.soonest = min((deadline for deadline, _ in self.queue), default=inf)
        client.dropped["expired"] += before - len(self.queue)

    def flush(self, now: float, client: Client) -> None:
        """Drop all that waits; *client* has asked for it."""
        self.drop_expired(now, client)
        client.dropped["lost"] += len(self.queue)
        self.queue.clear()


@final
class Fanout:
    """An entry of an inbox that several of its channels get: a group message, or news of a loss.

    Args:
        channels: who gets it, in this order.
        message: what they get, if all its values are immutable: each gets a shallow copy.
        encoded: what they get otherwise: each gets it decoded anew.
        deadline: when it expires; ``inf`` for news of a loss.
        size: bytes that it takes; 0 for news of a loss, which no bound counts.
    """

    __slots__ = ("channels", "deadline", "encoded", "given", "message", "size")

    def __init__(
        self, channels: tuple[str, ...], message: Message, encoded: bytes | None, deadline: float, size: int
    ) -> None:
        self.channels = channels
        self.message = message
        self.encoded = encoded
        self.deadline = deadline
        self.size = size
        self.given = 0


def gap(channels: tuple[str, ...], reason: str, dropped: int) -> Fanout:
    """Return the news for *channels* that *dropped* messages are missing here."""
    return Fanout(channels, {"type": "layer.gap", "reason": reason, "dropped": dropped}, None, inf, 0)


class Inbox:
    """The inbox of a layer object: what was sent to the channels under it and not yet taken.

    Args:
        name: its name, ending in ``!``.
        owner: the layer object that made it.
        capacity: most messages that wait here; a group message counts once, however many channels get it.
        max_bytes: most bytes that wait here.
        served: see `Channel`.

    Attributes:
        reader: the armed waiter of the one ``receive`` that waits here (LAY-052).
        memberships: the groups of each channel under this inbox.
    """

    __slots__ = (
        "bytes",
        "capacity",
        "count",
        "marker",
        "max_bytes",
        "memberships",
        "name",
        "owner",
        "queue",
        "reader",
        "served",
        "waiters",
    )

    def __init__(self, name: str, owner: Client, capacity: int, max_bytes: int, served: int) -> None:
        self.name = name
        self.owner = owner
        self.capacity = capacity
        self.max_bytes = max_bytes
        self.served = served
        self.queue: deque[Direct | Fanout] = deque()
        self.waiters: dict[Waiter, None] = {}
        self.reader: Waiter | None = None
        self.memberships: dict[str, set[str]] = {}
        self.count = 0
        self.bytes = 0
        self.marker: Fanout | None = None

    def has_room(self, size: int) -> bool:
        return self.count < self.capacity and self.bytes + size <= self.max_bytes

    def put(self, entry: Direct | Fanout, size: int) -> None:
        self.count += 1
        self.bytes += size
        self.queue.append(entry)

    def overflow(self) -> None:
        """Count a group message that found no room, in its position (LAY-086)."""
        self.owner.dropped["overflow"] += 1
        marker = self.marker
        if marker is not None and self.queue and self.queue[-1] is marker:
            marker.message["dropped"] += 1
        else:
            self.marker = gap((self.name,), "overflow", 1)
            self.queue.append(self.marker)

    def pop(self, clock: Clock, client: Client) -> tuple[str, Message] | None:
        """Take the next message, or news of a loss, for the owner, which is *client*."""
        queue = self.queue
        while queue:
            entry = queue[0]
            if type(entry) is not Fanout:
                deadline, size, channel, message = entry
                if deadline > clock():
                    queue.popleft()
                    self.count -= 1
                    self.bytes -= size
                    client.received += 1
                    return channel, message
            elif entry.deadline > clock():
                given = entry.given
                if entry.size:
                    client.received += 1
                    if not given:
                        self.count -= 1
                        self.bytes -= entry.size
                channel = entry.channels[given]
                entry.given = given = given + 1
                if given == len(entry.channels):
                    queue.popleft()
                if entry.encoded is None:
                    return channel, entry.message.copy()
                return channel, decode(entry.encoded)
            self._expire(clock())
        return None

    def _expire(self, now: float) -> None:
        """Put news of the loss in the place of all that has expired at the head of the queue (GAP-017)."""
        queue = self.queue
        run: list[Direct | Fanout] = []
        while queue and _deadline(queue[0]) <= now:
            run.append(queue.popleft())
        self._account_for_loss(run, "expired")
        queue.extendleft(reversed(_gaps(run, "expired")))

    def flush(self) -> None:
        """Put news of the loss in the place of all that waits (LAY-103, LAY-104)."""
        kept: list[Direct | Fanout] = []
        lost: list[Direct | Fanout] = []
        for entry in self.queue:
            (kept if type(entry) is Fanout and not entry.size else lost).append(entry)
        self._account_for_loss(lost, "lost")
        self.queue = deque([*kept, *_gaps(lost, "lost")])

    def _account_for_loss(self, entries: list[Direct | Fanout], reason: str) -> None:
        for entry in entries:
            self.owner.dropped[reason] += 1
            if not _begun(entry):
                self.count -= 1
                self.bytes -= entry.size if type(entry) is Fanout else entry[1]


def _deadline(entry: Direct | Fanout) -> float:
    return entry.deadline if type(entry) is Fanout else entry[0]


def _begun(entry: Direct | Fanout) -> bool:
    return type(entry) is Fanout and entry.given > 0


def _gaps(entries: Iterable[Direct | Fanout], reason: str) -> list[Fanout]:
    """Return the news of the loss of *entries*, with the exact number for each channel (GAP-008)."""
    gaps: dict[object, Fanout] = {}
    for entry in entries:
        key: object
        if type(entry) is Fanout:
            channels = entry.channels[entry.given :]
            # Group messages to the same members share one tuple, which the gap keeps alive.
            key = id(channels)
        else:
            channels = (entry[2],)
            key = entry[2]
        if key in gaps:
            gaps[key].message["dropped"] += 1
        else:
            gaps[key] = gap(channels, reason, 1)
    return list(gaps.values())

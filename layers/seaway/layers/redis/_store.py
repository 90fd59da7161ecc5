"""What has come from the broker and waits for a ``receive`` of this object: a hub of its own, as the memory layer's.

Rules of this module: as in `seaway.layers._hub`. The hub decides who is woken, whose turn it is and what a wrong call
gets; here is only how things come in, and out again without a receiver.
"""

from __future__ import annotations

from collections.abc import Iterable

from seaway.layers._hub import Hub
from seaway.layers._queues import Channel, Client, Direct, Fanout, Inbox
from seaway.layers._waiters import Waiter
from seaway.layers.base import Message, Sources

Entry = Direct | Fanout


class Store(Hub):
    """Inboxes that this object owns, and messages of normal channels that were taken for a waiting ``receive``."""

    def open_inbox(self, client: Client, name: str, capacity: int, max_bytes: int) -> Inbox:
        self.new_inbox(client, name, capacity, max_bytes)
        return client.inboxes[name]

    def feed(self, inbox: Inbox, entries: Iterable[Entry]) -> None:
        """Put *entries* into *inbox*, and wake its reader."""
        woken: list[Waiter] = []
        with self._lock:
            for entry in entries:
                size = entry.size if type(entry) is Fanout else entry[1]
                if size:
                    inbox.put(entry, size)
                elif not _merged(inbox, entry):
                    inbox.queue.append(entry)
            if inbox.queue and inbox.waiters:
                woken.append(self._pick(inbox))
        self._wake(woken)

    def drop(self, inbox: Inbox) -> None:
        """Put news of the loss in the place of all that waits in *inbox*."""
        with self._lock:
            inbox.flush()

    def hand(self, client: Client, messages: Iterable[tuple[str, float, Message]]) -> None:
        """Put *messages* (channel, seconds left, message) at hand, and wake whoever waits for them."""
        woken: list[Waiter] = []
        with self._lock:
            now = self._clock()
            for name, left, message in messages:
                channel = self._channels.get(name) or self._new_channel(name, now, client)
                channel.put(now + left, message)
                if channel.waiters:
                    woken.append(self._pick(channel))
        self._wake(woken)

    def holds(self, name: str) -> bool:
        """Return whether anything is at hand in the normal channel *name*; only `hand` makes it so."""
        channel = self._channels.get(name)
        return channel is not None and bool(channel.queue)

    def unwanted(self, names: Iterable[str]) -> list[tuple[str, float, Message]]:
        """Take out and return what is at hand in the channels *names*, last first, with the seconds it has left."""
        with self._lock:
            now = self._clock()
            found = []
            for name in names:
                channel = self._channels.get(name)
                while channel is not None and channel.queue:
                    deadline, message = channel.queue.pop()
                    if deadline > now:
                        found.append((name, deadline - now, message))
        return found

    def first_served(self, sources: Sources) -> int | None:
        """Return when the place that is next among *sources* was last served; ``None`` if nothing is at hand."""
        with self._lock:
            places = [self._channels.get(route.name) or self._inboxes.get(route.name) for route in sources]
            return min((place.served for place in places if place is not None and place.queue), default=None)

    def served(self, name: str) -> int:
        """Return when the normal channel *name* was last served."""
        channel = self._channels.get(name)
        return channel.served if channel is not None else -1

    def check(self, client: Client, sources: Sources) -> None:
        """Raise what `take` would raise for *sources*."""
        with self._lock:
            self._places(client, sources, None)

    def file(self, client: Client, sources: Sources, waiter: Waiter) -> None:
        """Arm *waiter* for *sources* whatever is at hand; errors as of `take_or_wait`."""
        with self._lock:
            self._places(client, sources, waiter)
            self._unfile(waiter)
            self._file(client, sources, waiter)

    def wake_all(self, waiters: Iterable[Waiter]) -> None:
        """Let those who wait look again."""
        with self._lock:
            woken = [waiter for waiter in waiters if waiter.places and not waiter.woken]
            for waiter in woken:
                self._tell(waiter)
        self._wake(woken)


def _merged(inbox: Inbox, entry: Entry) -> bool:
    """Add news of a loss to the same news that stands before it, if it does (GAP-020)."""
    last = inbox.queue[-1] if inbox.queue else None
    if type(entry) is not Fanout or type(last) is not Fanout or last.size or last.given:
        return False
    old, new = last.message, entry.message
    if last.channels != entry.channels or old["reason"] != new["reason"]:
        return False
    if (old["dropped"] is None) != (new["dropped"] is None):
        return False
    if old["dropped"] is not None:
        old["dropped"] += new["dropped"]
    return True


def gap(channels: tuple[str, ...], reason: str, dropped: int | None) -> Fanout:
    """Return the news for *channels* that messages are missing here; ``None``: nobody knows how many."""
    return Fanout(channels, {"type": "layer.gap", "reason": reason, "dropped": dropped}, None, float("inf"), 0)


__all__ = ["Channel", "Client", "Entry", "Fanout", "Inbox", "Store", "gap"]

"""The hub of the memory layer: where objects of both flavours, in any thread or event loop, meet.

Rules of this module: one lock; under it no loop over anything unbounded but what a call is about, no wait, no call
into an event loop. A waiter is woken after the lock was let go.

How a ``receive`` waits. It finds its channels empty and files its waiter with each of them, under the lock. Whoever
puts a message into a channel with waiters picks the oldest, takes it off all its lists, and wakes it; the message
stays in the queue, for whoever asks first. So a call that is cancelled, closed or timed out holds nothing. What
keeps that from stalling is one invariant: *a channel that is not empty and has waiters has told one that is still
on its way*. Therefore a call that was told and ends, however it ends, tells the next in its place (`_successors`).

The owner of inboxes and memberships is a `Client`, the hub's record of a layer object. When the object is collected
its finalizer may run anywhere, also in a thread that holds the lock; so it only files the client in a deque, and
the next call clears up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Lock
from time import monotonic

from seaway.layers._groups import Groups
from seaway.layers._queues import Channel, Client, Fanout, Inbox
from seaway.layers._waiters import Waiter
from seaway.layers.base import Message, Route, Sources

Place = Channel | Inbox

_FEW_CHANNELS = 1024
_MUTABLE = frozenset((list, dict))


class Hub:
    """Channels, inboxes and groups of one namespace.

    Args:
        clock: gives seconds that never step; expiry runs on it (LAY-092).
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        # Measured: a `with` costs 180 ns, these two 75. Only `send` and `take`, once for each message, use them.
        self._acquire = self._lock.acquire
        self._release = self._lock.release
        self._clients: set[Client] = set()
        self._collected: deque[Client] = deque()
        self._channels: dict[str, Channel] = {}
        self._many = _FEW_CHANNELS
        self._inboxes: dict[str, Inbox] = {}
        self._groups = Groups()
        self._turn = 0

    # Layer objects come and go

    def attach(self) -> Client:
        """Return the record of a new layer object."""
        client = Client()
        with self._lock:
            self._clients.add(client)
        return client

    def detach(self, client: Client) -> None:
        """End what *client* owns and let its waiting calls raise (LAY-024)."""
        with self._lock:
            woken = self._end(client)
        self._wake(woken)

    def collected(self, client: Client) -> None:
        """End what *client* owns: its layer object is garbage. Called by a finalizer, so anywhere at all."""
        self._collected.append(client)
        if self._lock.acquire(blocking=False):
            try:
                self._reap()
            finally:
                self._lock.release()

    def _reap(self) -> None:
        with suppress(IndexError):
            while True:
                # Nobody waits any more: a waiting call keeps its layer object alive.
                self._end(self._collected.popleft())

    def _end(self, client: Client) -> list[Waiter]:
        client.closed = True
        self._clients.discard(client)
        for inbox in list(client.inboxes.values()):
            self._end_inbox(inbox)
        woken = [waiter for waiter in client.waiters if not waiter.woken]
        for waiter in woken:
            self._tell(waiter)
        return woken

    def is_idle(self) -> bool:
        """Return whether nobody uses this hub and nothing waits in it."""
        with self._lock:
            self._reap()
            now = self._clock()
            return not self._clients and not any(
                deadline > now for channel in self._channels.values() for deadline, _ in channel.queue
            )

    # Messages

    def send(self, client: Client, route: Route, message: Message, size: int) -> bool:
        """Put *message*, which nobody else may hold, where *route* leads; ``False`` if there is no room."""
        now = self._clock()
        self._acquire()
        try:
            if self._collected:
                self._reap()
            place: Place | None
            if route.inbox is None:
                place = self._channels.get(route.name) or self._new_channel(route.name, now, client)
                if len(place.queue) >= route.capacity:
                    place.drop_expired(now, client)
                    if len(place.queue) >= route.capacity:
                        return False
                place.put(now + route.expiry, message)
            else:
                place = self._inboxes.get(route.inbox)
                if place is None:
                    client.dropped["unknown"] += 1
                elif not place.has_room(size):
                    return False
                else:
                    place.put((now + route.expiry, size, route.name, message), size)
            client.sent += 1
            if place is None or not place.waiters:
                return True
            woken = self._pick(place)
        finally:
            self._release()
        self._wake((woken,))
        return True

    def send_group(self, client: Client, group: str, message: Message, encoded: bytes, expiry: float) -> None:
        """Put *message*, which nobody else may hold, into every inbox that has members of *group*."""
        deadline = self._clock() + expiry
        flat = _MUTABLE.isdisjoint(map(type, message.values()))
        woken = []
        with self._lock:
            if self._collected:
                self._reap()
            client.sent += 1
            for inbox, members in self._groups.inboxes_of(group):
                if inbox.has_room(len(encoded)):
                    entry = Fanout(members, message, None if flat else encoded, deadline, len(encoded))
                    inbox.put(entry, len(encoded))
                else:
                    inbox.overflow()
                if inbox.waiters:
                    woken.append(self._pick(inbox))
        self._wake(woken)

    def take(self, client: Client, sources: Sources) -> tuple[str, Message] | None:
        """Take the next message of *sources* for *client*, if there is one. Errors: see `Layer._take`."""
        self._acquire()
        try:
            if self._collected:
                self._reap()
            if len(sources) > 1 or client.closed:
                return self._first(client, self._places(client, sources, None))
            # The common case, without a list.
            route = sources[0]
            if route.inbox is None:
                place: Place | None = self._channels.get(route.name)
            else:
                place = client.inboxes.get(route.name)
                if place is None or place.reader is not None:
                    self._places(client, sources, None)  # says what is wrong
            return place.pop(self._clock, client) if place is not None else None
        finally:
            self._release()

    def take_or_wait(self, client: Client, sources: Sources, waiter: Waiter) -> tuple[str, Message] | None:
        """Take the next message of *sources*; else arm the *waiter* of this call, anew if it was armed before."""
        with self._lock:
            if self._collected:
                self._reap()
            found = self._first(client, self._places(client, sources, waiter))
            left = self._unfile(waiter)
            if found is None:
                self._file(client, sources, waiter)
                return None
            woken = self._successors(left) if waiter.woken else []
        self._wake(woken)
        return found

    def leave(self, waiter: Waiter) -> None:
        """See `seaway.layers.base.Layer._leave`."""
        with self._lock:
            left = self._unfile(waiter)
            woken = self._successors(left) if waiter.woken else []
        self._wake(woken)

    def _places(self, client: Client, sources: Sources, waiter: Waiter | None) -> list[Place]:
        """Return the places of *sources* that exist; the errors are those of `take`."""
        if client.closed:
            raise _closed()
        places: list[Place] = []
        for route in sources:
            if route.inbox is None:
                channel = self._channels.get(route.name)
                if channel is not None:
                    places.append(channel)
                continue
            inbox = client.inboxes.get(route.name)
            if inbox is None:
                raise _not_readable(client, route, waiter)
            if inbox.reader is not None and inbox.reader is not waiter:
                raise RuntimeError(f"another receive waits for the inbox {route.name!r} (LAY-052)")
            places.append(inbox)
        return places

    def _first(self, client: Client, places: list[Place]) -> tuple[str, Message] | None:
        """Take a message from the place that has waited longest for its turn (LAY-055)."""
        ready = [place for place in places if place.queue]
        if len(ready) > 1:
            ready.sort(key=_served)
        for place in ready:
            found = place.pop(self._clock, client)
            if found is not None:
                self._turn += 1
                place.served = self._turn
                return found
        return None

    def _new_channel(self, name: str, now: float, client: Client) -> Channel:
        if len(self._channels) >= self._many:
            # Names may be made up for one message each: forget those where nothing waits, now and then.
            for channel in self._channels.values():
                channel.drop_expired(now, client)
            self._channels = {n: c for n, c in self._channels.items() if c.queue or c.waiters}
            self._many = max(_FEW_CHANNELS, 2 * len(self._channels))
        # As if it had just been served: what has waited longer goes first.
        channel = self._channels[name] = Channel(name, self._turn)
        return channel

    # Waiters. All but `_wake` are called with the lock held, `_wake` without it.

    def _file(self, client: Client, sources: Sources, waiter: Waiter) -> None:
        waiter.arm()
        waiter.owner = client
        waiter.woken = False
        client.waiters.add(waiter)
        for route in sources:
            place: Place
            if route.inbox is None:
                place = self._channels.get(route.name) or self._new_channel(route.name, self._clock(), client)
            else:
                place = client.inboxes[route.name]
                place.reader = waiter
            place.waiters[waiter] = None
            waiter.places.append(place)

    def _unfile(self, waiter: Waiter) -> list[Place]:
        """Take *waiter* off all lists and return the places that it had been filed with."""
        left: list[Place] = waiter.places
        if left:
            waiter.places = []
            waiter.owner.waiters.discard(waiter)
            for place in left:
                place.waiters.pop(waiter, None)
                if isinstance(place, Inbox) and place.reader is waiter:
                    place.reader = None
        return left

    def _pick(self, place: Place) -> Waiter:
        waiter = next(iter(place.waiters))
        self._tell(waiter)
        return waiter

    def _tell(self, waiter: Waiter) -> None:
        waiter.woken = True
        for place in waiter.places:
            place.waiters.pop(waiter, None)

    def _successors(self, left: list[Place]) -> list[Waiter]:
        """Return the waiters to wake in the place of one that was told and has ended."""
        return [self._pick(place) for place in left if place.queue and place.waiters]

    def _wake(self, waiters: Iterable[Waiter]) -> None:
        for waiter in waiters:
            if not waiter.wake():
                self.leave(waiter)

    # Inboxes and groups

    def new_inbox(self, client: Client, name: str, capacity: int, max_bytes: int) -> None:
        """Make the inbox *name* for *client*."""
        with self._lock:
            if client.closed:
                raise _closed()
            inbox = Inbox(name, client, capacity, max_bytes, self._turn)
            self._inboxes[name] = client.inboxes[name] = inbox

    def close_channel(self, client: Client, route: Route) -> None:
        """End the memberships of a channel, or an inbox as a whole; ``ValueError`` if it is not *client*'s."""
        woken = []
        with self._lock:
            inbox = client.inboxes.get(route.inbox or "")
            if inbox is None:
                if route.inbox not in client.ended:
                    raise ValueError(
                        f"close_channel: {route.name!r} is neither an inbox of this layer object nor a channel "
                        "under one (LAY-063)"
                    )
            elif route.name != route.inbox:
                self._groups.end_channel(inbox, route.name)
            else:
                if inbox.reader is not None and not inbox.reader.woken:
                    woken.append(inbox.reader)
                    self._tell(inbox.reader)
                self._end_inbox(inbox)
        self._wake(woken)

    def _end_inbox(self, inbox: Inbox) -> None:
        del self._inboxes[inbox.name], inbox.owner.inboxes[inbox.name]
        inbox.owner.ended.append(inbox.name)
        self._groups.end_inbox(inbox)

    def group_add(self, client: Client, group: str, route: Route) -> None:
        """Make the channel of *route* a member; ``ValueError`` if its inbox is not *client*'s."""
        with self._lock:
            self._groups.add(group, self._own_inbox(client, route), route.name)

    def group_discard(self, client: Client, group: str, route: Route) -> None:
        """End a membership, if there is one; ``ValueError`` if the inbox is not *client*'s."""
        with self._lock:
            self._groups.discard(group, self._own_inbox(client, route), route.name)

    def _own_inbox(self, client: Client, route: Route) -> Inbox:
        inbox = client.inboxes.get(route.inbox or "")
        if inbox is None:
            raise ValueError(
                f"{route.name!r} is not a channel under an inbox of this layer object (GRP-002); "
                "ask its consumer by message to join or leave"
            )
        return inbox

    # Extensions

    def flush(self, client: Client) -> None:
        """Drop all that waits; owners of inboxes get news of the loss. Memberships stay (LAY-105)."""
        with self._lock:
            self._reap()
            now = self._clock()
            for channel in self._channels.values():
                channel.flush(now, client)
            for inbox in self._inboxes.values():
                inbox.flush()

    def statistics(self, client: Client) -> dict[str, object]:
        """Return the counters of *client* (LAY-107)."""
        with self._lock:
            return {
                "sent": client.sent,
                "received": client.received,
                "dropped": dict(client.dropped),
                "pending": sum(inbox.count for inbox in client.inboxes.values()),
                "reconnects": 0,
            }


def _closed() -> RuntimeError:
    return RuntimeError("this layer was closed; make a new one (LAY-022, LAY-023)")


def _served(place: Place) -> int:
    return place.served


def _not_readable(client: Client, route: Route, waiter: Waiter | None) -> Exception:
    if route.name != route.inbox:
        return ValueError(
            f"receive: {route.name!r} is a channel under an inbox; receive from {route.inbox!r} (LAY-047)"
        )
    if waiter is not None and waiter.places and route.name in client.ended:
        return RuntimeError(f"the inbox {route.name!r} was closed while this receive waited for it (LAY-072)")
    return ValueError(f"receive: {route.name!r} is not an inbox of this layer object (LAY-046)")

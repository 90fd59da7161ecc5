"""A channel layer in the synchronous flavour. `afternoon_broker` keeps the messages, `afternoon_message` knows them."""

import itertools
import math
import os
import re
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from afternoon_broker import Broker, forget, make_lock, put, put_gap, take
from afternoon_message import NAME, RESERVED, check_name, decode, encode

POLL = 0.01  # seconds between two looks into the file, for SQLite tells nobody
LOST = {"type": "layer.gap", "reason": "lost", "dropped": None}
Found = tuple[str, dict[str, Any]]


class AfternoonLayer:
    """A channel layer in the file `path`, which belongs where a restart of the machine clears it: times run from it."""

    is_async, interface, extensions = False, "1.0", frozenset[str]()

    class ChannelFull(Exception):  # noqa: N818 - the interface's name
        """There is no room."""

    class MessageTooLarge(Exception):  # noqa: N818
        """The message is above `max_message_size`."""

    def __init__(self, path: str, *, capacity: int = 100, channel_capacity: dict[str, int] | None = None,
                 expiry: float = 60, channel_expiry: dict[str, float] | None = None, namespace: str = "",
                 lease: float = 30, max_message_size: int = 1 << 20, inbox_capacity: int = 10_000,
                 inbox_bytes: int = 1 << 26, send_deadline: float = 2) -> None:  # fmt: skip
        self._capacities, self._expiries = dict(channel_capacity or {}), dict(channel_expiry or {})
        for count in (capacity, max_message_size, inbox_capacity, inbox_bytes, *self._capacities.values()):
            if isinstance(count, bool) or not isinstance(count, int) or count < 1:
                raise ValueError(f"expected a whole number of 1 or more, got {count!r} (LAY-015)")
        for seconds in (expiry, lease, send_deadline, *self._expiries.values()):
            if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
                raise ValueError(f"expected seconds above 0, got {seconds!r} (LAY-015)")
        self.capacity, self.expiry, self.max_message_size = capacity, expiry, max_message_size
        self._prefix = check_name(namespace, f"({NAME})?", "LAY-015") + "/"  # a slash stands in no name (SEC-011)
        self._broker, self._lease = Broker(path, send_deadline, self._restore), lease
        self._bounds = inbox_capacity, inbox_bytes
        self._closed, self._pid = threading.Event(), 0
        self._inboxes: dict[str, IO[str] | None] = {}  # None: owned once
        self._groups: dict[str, set[str]] = {}  # the memberships of this object's channels
        self._owed: set[str] = set()  # closed channels to clear away, once the file can be written
        self._waiting: set[str] = set()
        self._served: dict[str, int] = {}  # when each channel last had its turn
        self._turns = itertools.count(1)
        self._away = math.inf  # since when the file cannot be used
        self._cut: set[str] = set()  # inboxes that were told so

    def send(self, channel: str, message: dict[str, Any]) -> None:
        """Send to one receiver; raise ``ChannelFull`` where there is no room."""
        queue, body = self._prefix + _queue(channel), self._encode(message)
        expiry = _lookup(self._expiries, channel, self.expiry)
        with self._transaction() as db:
            if put(db, queue, channel, body, expiry, _lookup(self._capacities, channel, self.capacity)) is False:
                raise self.ChannelFull(f"{_queue(channel)} is full")

    def send_group(self, group: str, message: dict[str, Any]) -> None:
        """Send to every member of a group; one without room gets a gap."""
        key, body = self._prefix + check_name(group, NAME, "LAY-002"), self._encode(message)
        with self._transaction() as db:
            for channel, queue in db.execute("SELECT channel, queue FROM member WHERE grp = ?", [key]).fetchall():
                if put(db, queue, channel, body, self.expiry, 0) is False:
                    put_gap(db, queue, channel, "overflow", 1)

    def receive(self, channels: list[str] | tuple[str, ...], timeout: float | None = None) -> Found | tuple[None, None]:
        """Return a channel and its next message, or ``(None, None)`` when `timeout` seconds have passed."""
        if not isinstance(channels, list | tuple) or not channels:
            raise ValueError("channels: expected a list of one or more (LAY-045)")
        if any(_queue(channel) != channel for channel in channels):
            raise ValueError("channels: expected nothing after the ! (LAY-047)")
        if timeout is not None and (not isinstance(timeout, int | float) or not timeout >= 0):
            raise ValueError(f"timeout: expected None or seconds, 0 or more, got {timeout!r} (LAY-048)")
        self._check()
        inboxes = {channel for channel in channels if channel.endswith("!")}
        with self._broker.lock:
            if any(not self._inboxes.get(inbox) for inbox in inboxes):
                raise ValueError("channels: expected inboxes that this object owns (LAY-046)")
            if inboxes & self._waiting:
                raise RuntimeError("another receive waits for this inbox (LAY-052)")
            self._waiting |= inboxes
        end, pause = math.inf if timeout is None else time.monotonic() + timeout, POLL
        try:
            while True:
                try:
                    if found := self._take(dict.fromkeys(channels)):
                        return found
                    pause, self._away = POLL, math.inf
                except ConnectionError:  # it may come back (LAY-056)
                    pause, self._away = min(2 * pause, 5), min(self._away, time.monotonic())
                    if time.monotonic() - self._away >= self._lease and (untold := inboxes - self._cut):
                        self._cut.add(inbox := untold.pop())
                        return inbox, dict(LOST)
                if (left := end - time.monotonic()) <= 0:
                    return None, None
                self._closed.wait(min(pause, left))
                if self._closed.is_set() or any(not self._inboxes[inbox] for inbox in inboxes):
                    raise RuntimeError("the layer or the inbox was closed (LAY-023, LAY-072)")
        finally:
            self._waiting -= inboxes

    def _take(self, channels: Any) -> Found | None:
        queues = [self._prefix + channel for channel in sorted(channels, key=lambda name: self._served.get(name, 0))]
        if self._broker.looks_empty(queues):
            return None
        with self._transaction() as db:
            for queue, channel, body, reason, dropped in take(db, queues):
                self._served[queue.removeprefix(self._prefix)] = next(self._turns)
                if reason:
                    return channel, {"type": "layer.gap", "reason": reason, "dropped": dropped}
                with suppress(ValueError, RecursionError):
                    encode(message := decode(body))
                    return channel, message
                if queue.endswith("!"):  # it cannot be decoded (SEC-010)
                    return channel, dict(LOST)
        return None

    def new_channel(self, pattern: str) -> str:
        """Return the name of a fresh inbox, which this object owns."""
        inbox = f"{check_name(pattern, NAME + '!', 'LAY-058')[:-1]}.{secrets.token_hex(12)}!"
        if len(inbox) > 150:
            raise ValueError(f"pattern: expected names of at most 150 characters, not {len(inbox)} (LAY-058)")
        try:
            with self._transaction() as db:
                self._inboxes[inbox] = make_lock(self._lock_path(inbox))
                self._add_box(db, inbox)
        except ConnectionError:
            self._release(inbox)
            raise
        return inbox

    def close_channel(self, channel: str) -> None:
        """End an inbox, or the memberships of a channel under it."""
        self._check()
        if (inbox := _queue(channel)) not in self._inboxes:
            raise ValueError(f"expected an inbox of this object, or a name under one, got {channel} (LAY-063)")
        if channel == inbox:
            self._release(inbox)
        elif self._groups.pop(channel, None):
            self._owed.add(channel)
        if self._owed:  # without memberships nothing is to be done (LAY-066)
            with suppress(ConnectionError), self._transaction():
                pass  # it pays what is owed

    def group_add(self, group: str, channel: str) -> None:
        """Make a channel under an inbox of this object a member of a group."""
        key, queue = self._prefix + check_name(group, NAME, "LAY-002"), self._own(channel)
        with self._transaction() as db:
            db.execute("INSERT OR IGNORE INTO member VALUES (?, ?, ?)", [key, channel, queue])
        self._groups.setdefault(channel, set()).add(key)

    def group_discard(self, group: str, channel: str) -> None:
        """End a membership."""
        key, _ = self._prefix + check_name(group, NAME, "LAY-002"), self._own(channel)
        self._groups.get(channel, set()).discard(key)
        with self._transaction() as db:
            db.execute("DELETE FROM member WHERE grp = ? AND channel = ?", [key, channel])

    def close(self) -> None:
        """End the inboxes and memberships of this object, and let go of the file."""
        if self._closed.is_set() or self._pid not in (0, os.getpid()):
            return  # what was made before a fork is the parent's
        with self._broker.lock:
            for inbox in self._inboxes:
                self._release(inbox)
            if self._owed:
                with suppress(ConnectionError), self._transaction():
                    pass
            self._closed.set()
            self._broker.close()

    def __enter__(self) -> "AfternoonLayer":
        with self._transaction():
            return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _check(self) -> None:
        if self._closed.is_set():
            raise RuntimeError("the layer is closed (LAY-022)")
        self._pid = self._pid or os.getpid()
        if self._pid != os.getpid():
            raise RuntimeError("the layer was used before a fork; make one in the child (LAY-026)")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._check()
        with self._broker.transaction() as db:
            self._check()
            owed, cut = set(self._owed), set(self._cut)
            for channel in owed:
                if channel.endswith("!"):
                    forget(db, self._prefix + channel)
                db.execute("DELETE FROM member WHERE channel = ?", [channel])
                db.execute("DELETE FROM msg WHERE queue = ? AND channel = ?", [self._prefix + _queue(channel), channel])
            for inbox in cut:
                put_gap(db, self._prefix + inbox, inbox, "lost", None)
            yield db
        self._owed -= owed
        self._cut -= cut

    def _restore(self, db: sqlite3.Connection) -> None:
        """Put this object's inboxes and memberships into a file that has not got them."""
        for inbox in [inbox for inbox, lock in self._inboxes.items() if lock]:
            if self._add_box(db, inbox):
                put_gap(db, self._prefix + inbox, inbox, "lost", None)
        for channel, keys in self._groups.items():
            rows = [(key, channel, self._prefix + _queue(channel)) for key in keys]
            db.executemany("INSERT OR IGNORE INTO member VALUES (?, ?, ?)", rows)

    def _add_box(self, db: sqlite3.Connection, inbox: str) -> int:
        row = [self._prefix + inbox, self._lock_path(inbox), *self._bounds]
        return db.execute("INSERT OR IGNORE INTO box VALUES (?, ?, ?, ?)", row).rowcount

    def _release(self, inbox: str) -> None:
        """End an inbox at once, whether or not the file can be written."""
        if lock := self._inboxes.get(inbox):
            self._inboxes[inbox] = None
            for channel in [channel for channel in self._groups if _queue(channel) == inbox]:
                del self._groups[channel]
            self._owed.add(inbox)
            with suppress(OSError):
                os.unlink(lock.name)
            lock.close()

    def _own(self, channel: str) -> str:
        self._check()
        inbox = _queue(channel)
        if channel == inbox or not self._inboxes.get(inbox):
            raise ValueError(f"expected a channel under an inbox of this object, got {channel} (GRP-002)")
        return self._prefix + inbox

    def _lock_path(self, inbox: str) -> str:
        return f"{self._broker.path}.{inbox[:-1]}"

    def _encode(self, message: Any) -> bytes:
        body, kind = encode(message), message["type"]
        if kind.startswith(RESERVED) and not kind.startswith("bridge."):
            raise ValueError(f"type: expected a type of your own, got {kind[:90]!r} (MSG-021)")
        if "reply_channel" in message:
            raise ValueError("reply_channel: put your consumer_channel under a key of your own; see the upgrade guide, "
                             "'reply_channel' (LAY-101)")  # fmt: skip
        if len(body) > self.max_message_size:
            raise self.MessageTooLarge(f"{len(body)} bytes, and {self.max_message_size} are allowed")
        return body


def _queue(channel: str) -> str:
    """Return the inbox of a process-local channel, and a normal channel as it is."""
    name, mark, _ = check_name(channel, f"{NAME}(!({NAME})?)?", "LAY-001").partition("!")
    return name + mark


def _lookup(rules: dict[str, Any], channel: str, default: Any) -> Any:
    """Return the value of the first glob that fits; only `*` and `?` are special (LAY-017)."""
    for glob, value in rules.items():
        if re.fullmatch(re.escape(glob).replace(r"\*", ".*").replace(r"\?", "."), channel):
            return value
    return default

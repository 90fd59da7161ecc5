"""The broker of the afternoon layer: one SQLite file, for all processes of one machine that can see it.

SQLite lets one process write at a time, so every count is exact. An inbox lives as long as its owner holds the lock
on a file of its own, which the kernel takes away when the process dies: no heartbeat, and a dead owner is gone at once.
"""

import fcntl
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import IO

TABLES = """CREATE TABLE IF NOT EXISTS box (name TEXT PRIMARY KEY, lock TEXT, capacity INTEGER, bytes INTEGER);
CREATE TABLE IF NOT EXISTS member (grp TEXT, channel TEXT, queue TEXT, PRIMARY KEY (grp, channel));
CREATE TABLE IF NOT EXISTS msg (id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT, channel TEXT, body BLOB,
                                deadline REAL, gap TEXT, dropped INTEGER);
CREATE INDEX IF NOT EXISTS by_queue ON msg (queue, channel)"""
locks: weakref.WeakSet[IO[str]] = weakref.WeakSet()  # a forked child must not keep its parent's inboxes alive
os.register_at_fork(after_in_child=lambda: [lock.close() for lock in list(locks)])


def make_lock(path: str) -> IO[str]:
    """Return a lock that is held until it is closed or the process dies."""
    lock = open(path, "x")  # noqa: SIM115 - its owner closes it
    fcntl.flock(lock, fcntl.LOCK_EX)
    locks.add(lock)
    return lock


def is_held(path: str) -> bool:
    """Tell whether somebody holds the lock; what a dead process has left is cleared away."""
    try:
        with open(path) as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            os.unlink(path)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False


class Broker:
    """The queues, inboxes and groups in the file `path`; `replaced` is called first in a file that was not known."""

    def __init__(self, path: str, patience: float, replaced: Callable[[sqlite3.Connection], None]) -> None:
        self.path, self.patience, self.replaced = path, patience, replaced
        self.lock = threading.RLock()  # one connection for all threads
        self.db: sqlite3.Connection | None = None
        self.file: tuple[int, int] | None = None  # which one `db` is, once it was made ready

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Do the whole of it or nothing; ``ConnectionError`` if it cannot begin in time."""
        end = time.monotonic() + self.patience
        if not self.lock.acquire(timeout=self.patience):
            raise ConnectionError("another thread has waited for the file all the time")
        try:
            while True:
                try:
                    db = self._open()
                    db.execute("BEGIN IMMEDIATE")
                    break
                except (sqlite3.Error, OSError) as error:
                    if time.monotonic() > end:
                        raise ConnectionError(f"the file cannot be used: {error}") from error
                    time.sleep(0.005)
            try:
                yield db
                db.execute("COMMIT")
            except (sqlite3.Error, OSError) as error:
                raise ConnectionError(f"the file cannot be written: {error}") from error
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")
        finally:
            self.lock.release()

    def _open(self) -> sqlite3.Connection:
        if self.db and self.file and self.file == _identity(self.path):
            return self.db
        self.close()
        self.db = sqlite3.connect(self.path, timeout=0.1, isolation_level=None, check_same_thread=False)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = OFF")  # it need not outlive the machine
        self.db.executescript(TABLES)
        for name, lock in self.db.execute("SELECT name, lock FROM box").fetchall():
            if not is_held(lock):
                forget(self.db, name)
        self.db.execute("BEGIN IMMEDIATE")
        self.replaced(self.db)
        self.db.execute("COMMIT")
        self.file = _identity(self.path)
        return self.db

    def close(self) -> None:
        """Let go of the file."""
        if self.db:
            self.db.close()
        self.db = self.file = None

    def looks_empty(self, keys: list[str]) -> bool:
        """Tell, without a transaction, that there is nothing in these queues."""
        with self.lock, suppress(sqlite3.Error, OSError):
            if self.db and self.file and self.file == _identity(self.path):
                marks = ",".join("?" * len(keys))
                return not self.db.execute(f"SELECT 1 FROM msg WHERE queue IN ({marks}) LIMIT 1", keys).fetchone()
        return False


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


# Each of these is a part of a transaction. A queue is a normal channel, or an inbox with all that is under it.


def put(db: sqlite3.Connection, queue: str, channel: str, body: bytes, expiry: float, capacity: int) -> bool | None:
    """File a message; False if there is no room, None if it is for an inbox whose owner is gone or never was."""
    room, bound = capacity, float("inf")
    if queue.endswith("!"):
        box = db.execute("SELECT lock, capacity, bytes FROM box WHERE name = ?", [queue]).fetchone()
        if not box or not is_held(box[0]):
            forget(db, queue)
            return None
        room, bound = box[1:]
    expire(db, queue)
    found = "SELECT COUNT(*), TOTAL(LENGTH(body)) FROM msg WHERE queue = ? AND gap IS NULL"
    count, size = db.execute(found, [queue]).fetchone()
    if count >= room or size + len(body) > bound:
        return False
    row = [queue, channel, body, time.monotonic() + expiry]
    db.execute("INSERT INTO msg (queue, channel, body, deadline) VALUES (?, ?, ?, ?)", row)
    return True


def put_gap(db: sqlite3.Connection, queue: str, channel: str, reason: str, dropped: int | None) -> None:
    """Note that messages for a channel are missing here: in a new gap, or in the one that stands there already."""
    last = "SELECT id, gap FROM msg WHERE queue = ? AND channel = ? ORDER BY id DESC LIMIT 1"
    where, gap = db.execute(last, [queue, channel]).fetchone() or (0, None)
    if gap == reason:
        db.execute("UPDATE msg SET dropped = dropped + ? WHERE id = ?", [dropped, where])
    else:
        row = [queue, channel, reason, dropped]
        db.execute("INSERT INTO msg (queue, channel, body, gap, dropped) VALUES (?, ?, x'', ?, ?)", row)


def expire(db: sqlite3.Connection, queue: str) -> None:
    """Drop what nobody took in time; in an inbox a gap stands for it, one for neighbours of one channel."""
    old = [queue, time.monotonic()]
    if not queue.endswith("!"):
        db.execute("DELETE FROM msg WHERE queue = ? AND deadline <= ?", old)
        return
    change = "UPDATE msg SET body = x'', deadline = NULL, gap = 'expired', dropped = 1"
    change += " WHERE queue = ? AND deadline <= ?"
    if not db.execute(change, old).rowcount:
        return
    before: dict[str, tuple[int, str | None]] = {}
    rows = "SELECT id, channel, gap, dropped FROM msg WHERE queue = ? ORDER BY id"
    for here, channel, gap, dropped in db.execute(rows, [queue]).fetchall():
        there, reason = before.get(channel, (0, None))
        if gap and gap == reason:
            db.execute("UPDATE msg SET dropped = dropped + ? WHERE id = ?", [dropped, there])
            db.execute("DELETE FROM msg WHERE id = ?", [here])
        else:
            before[channel] = here, gap


def take(db: sqlite3.Connection, queues: Iterable[str]) -> Iterator[tuple[str, str, bytes, str | None, int | None]]:
    """Yield what stands first in the first queue that has something, and take it out; go on if more is asked for."""
    for queue in queues:
        expire(db, queue)
        first = "SELECT id, channel, body, gap, dropped FROM msg WHERE queue = ? ORDER BY id LIMIT 1"
        while row := db.execute(first, [queue]).fetchone():
            db.execute("DELETE FROM msg WHERE id = ?", [row[0]])
            yield (queue, *row[1:])


def forget(db: sqlite3.Connection, queue: str) -> None:
    """Clear away an inbox, its memberships and its messages."""
    db.execute("DELETE FROM box WHERE name = ?", [queue])
    db.execute("DELETE FROM member WHERE queue = ?", [queue])
    db.execute("DELETE FROM msg WHERE queue = ?", [queue])

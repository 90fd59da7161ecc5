"""The engine in threads: a call does its own work, and that of others who wait; one daemon thread reads.

Rules of this module: no decision about messages. The engine's coroutines never suspend here: `drive` runs one to its
end. A lane is served by one thread at a time; the others wait, and find their work done or do it themselves.
"""

from __future__ import annotations

import time
from collections.abc import Coroutine
from threading import Event, Thread
from time import monotonic
from typing import Any, TypeVar

from seaway.layers._waiters import ThreadWaiter, Waiter
from seaway.layers.redis._connection import Connection, SyncConnection
from seaway.layers.redis._engine import Engine
from seaway.layers.redis._jobs import Job
from seaway.layers.redis._lane import Lane
from seaway.layers.redis._owner import Owner
from seaway.layers.redis._reader import Reader
from seaway.layers.redis._settings import RedisOptions
from seaway.layers.redis._streams import Address

ResultT = TypeVar("ResultT")


def drive(coroutine: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Return what *coroutine* returns, which never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: ResultT = stop.value
        return result
    coroutine.close()
    raise RuntimeError("a coroutine of the synchronous engine has suspended")


class SyncEngine(Engine):
    """See `Engine`.

    Args:
        options: of the layer.
    """

    def __init__(self, options: RedisOptions) -> None:
        super().__init__(options)
        self.owner = Owner(self)
        self._roused = Event()
        self.is_forked = False

    def start(self) -> None:
        """Begin to work."""
        reader = Reader(self, self.owner)
        Thread(target=lambda: drive(reader.run()), name="seaway-redis", daemon=True).start()

    def abandon(self) -> None:
        """Let everything end: the layer is closed, or garbage. Idempotent, from any thread."""
        if self.is_forked:
            return  # the sockets are the parent's
        self.clear()
        self._roused.set()
        connection, self.lane.connection = self.lane.connection, None
        if connection is not None:
            drive(self.drop_connection(connection))

    def leave_and_push(self, waiter: Waiter) -> None:
        """See `Engine.leave`; what is given back is on its way when this returns."""
        self.leave(waiter)
        self.push()

    # What `Engine` asks for

    async def _connect(self, address: Address, timeout: float) -> Connection:
        return SyncConnection.open(address, timeout)

    def new_waiter(self, timeout: float | None) -> ThreadWaiter:
        """See `Engine.new_waiter`."""
        return ThreadWaiter(timeout)

    async def wait(self, waiter: ThreadWaiter) -> bool:
        """See `Engine.wait`."""
        return waiter.wait()

    async def call(self, job: Job) -> Job:
        """See `Engine.call`."""
        lane = self.lane
        if not job.queued:
            self.submit(job)
        while not job.ended:
            is_done = True
            with lane.lock:
                if not job.ended:
                    is_done = drive(self.serve(lane))
            if not is_done and not job.ended:
                time.sleep(min(lane.pause.next(), max(job.deadline - monotonic(), 0.001)))  # noqa: ASYNC251 - see `drive`
        self.push()
        if job.error is not None:
            raise job.error
        return job

    async def call_within(self, job: Job, seconds: float) -> bool:
        """See `Engine.call_within`."""
        lane = self.lane
        deadline = monotonic() + seconds
        self.submit(job)
        while not job.ended and (left := deadline - monotonic()) > 0:
            if not lane.lock.acquire(timeout=left):
                break
            try:
                is_done = drive(self.serve(lane)) if not job.ended else True
            finally:
                lane.lock.release()
            if not is_done:
                time.sleep(min(lane.pause.next(), max(deadline - monotonic(), 0.001)))  # noqa: ASYNC251 - see `drive`
        self.push()
        return job.ended

    def submit(self, job: Job) -> None:
        """See `Engine.submit`."""
        with self.lock:
            self.lane.queue.put(job)

    def push(self) -> None:
        """See `Engine.push`. If another thread is at work it sees to it that nothing is left."""
        lane = self.lane
        while lane.queue and lane.lock.acquire(blocking=False):
            try:
                if not drive(self.serve(lane)):
                    return
            finally:
                lane.lock.release()

    def rouse(self) -> None:
        """See `Engine.rouse`."""
        self._roused.set()

    async def rest(self, seconds: float) -> None:
        """See `Engine.rest`."""
        self._roused.wait(seconds)
        self._roused.clear()

    async def sleep(self, seconds: float) -> None:
        """See `Engine.sleep`."""
        time.sleep(seconds)  # noqa: ASYNC251 - see `drive`

    async def opened(self, lane: Lane) -> Connection:
        """See `Engine.opened`."""
        return lane.connection or await self.open_lane(lane)

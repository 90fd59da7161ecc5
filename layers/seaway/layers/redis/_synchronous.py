"""The engine in threads: a call does its own work, and that of others who wait; one daemon thread reads.

Rules of this module: no decision about messages. The engine's coroutines never suspend here: `drive` runs one to its
end. A lane is served by one thread at a time; the others wait, and find their work done or do it themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from threading import Event, Thread
from time import monotonic
from typing import Any, TypeVar

from seaway.layers._waiters import ThreadWaiter, Waiter
from seaway.layers.redis._connection import Connection, SyncConnection
from seaway.layers.redis._engine import Engine
from seaway.layers.redis._jobs import Job
from seaway.layers.redis._lane import Lane
from seaway.layers.redis._link import SWEEP
from seaway.layers.redis._owner import Owner
from seaway.layers.redis._reader import Reader
from seaway.layers.redis._readers import Readers
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
        if self.cluster is None:
            self.spawn(Reader(self, self.owner).run)
        else:
            self.readers = Readers(self, self.owner)
            self.spawn(self.readers.run)

    def staff(self, lane: Lane) -> None:
        """See `Engine.staff`: whoever has a job there serves it."""

    def spawn(self, function: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """See `Engine.spawn`."""
        Thread(target=lambda: drive(function()), name="seaway-redis", daemon=True).start()

    def abandon(self) -> None:
        """Let everything end: the layer is closed, or garbage. Idempotent, from any thread."""
        if self.is_forked:
            return  # the sockets are the parent's
        self.clear()
        self._roused.set()
        for lane in self.lanes:
            connection, lane.connection = lane.connection, None
            if connection is not None:
                drive(self.drop_connection(connection))

    def leave_and_push(self, waiter: Waiter) -> None:
        """See `Engine.leave`; what is given back is on its way when this returns."""
        self.leave(waiter)
        self.push()

    # What `Engine` asks for

    async def connect(self, address: Address, timeout: float) -> Connection:
        return SyncConnection.open(address, timeout)

    def new_waiter(self, timeout: float | None) -> ThreadWaiter:
        """See `Engine.new_waiter`."""
        return ThreadWaiter(timeout)

    async def wait(self, waiter: ThreadWaiter) -> bool:
        """See `Engine.wait`."""
        return waiter.wait()

    async def call(self, job: Job) -> Job:
        """See `Engine.call`."""
        if not job.queued:
            self.submit(job)
        while not job.ended:
            lane = job.lane
            is_done = True
            is_ours = lane.lock.acquire(timeout=SWEEP)
            self.sweep(lane)
            if not is_ours:
                continue
            try:
                if not job.ended and job.lane is lane:
                    is_done = drive(self.serve(lane))
            finally:
                lane.lock.release()
            self._pause(job, lane, is_done, job.deadline)
        self.push()
        if job.error is not None:
            raise job.error
        return job

    async def call_within(self, job: Job, seconds: float) -> bool:
        """See `Engine.call_within`."""
        deadline = monotonic() + seconds
        self.submit(job)
        while not job.ended and (left := deadline - monotonic()) > 0:
            lane = job.lane
            if not lane.lock.acquire(timeout=left):
                break
            try:
                is_done = drive(self.serve(lane)) if not job.ended and job.lane is lane else True
            finally:
                lane.lock.release()
            self._pause(job, lane, is_done, deadline)
        self.push()
        return job.ended

    @staticmethod
    def _pause(job: Job, lane: Lane, is_done: bool, deadline: float) -> None:
        """Wait before the next attempt at *job*, if one is needed and a pause is due."""
        if job.ended:
            return
        now = monotonic()
        seconds = job.due - now if is_done else lane.pause.next()
        if seconds > 0:
            time.sleep(min(seconds, max(deadline - now, 0.001)))

    def submit(self, job: Job) -> None:
        """See `Engine.submit`."""
        with self.lock:
            lane = job.lane = self.lane if self.cluster is None else self.cluster.lane_for(job)
            lane.queue.put(job)

    def push(self) -> None:
        """See `Engine.push`. If another thread is at work it sees to it that nothing is left."""
        if self.cluster is None:
            self._push(self.lane)
            return
        while sum(self._push(lane) for lane in self.lanes):
            pass  # what was done in one lane may go on in another

    def _push(self, lane: Lane) -> bool:
        """Do what waits in *lane*; return whether anything was done."""
        is_done = False
        while lane.queue and lane.lock.acquire(blocking=False):
            try:
                if not drive(self.serve(lane)):
                    return False
                is_done = True
            finally:
                lane.lock.release()
        return is_done

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

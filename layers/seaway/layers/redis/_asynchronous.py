"""The engine in an event loop: tasks of the layer object's own, on asyncio (uvloop included) and trio.

Rules of this module: no decision about messages. The tasks belong to the layer object, and end with it: by `stop`, by a
finalizer of the object, or with the loop.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any

import anyio

from seaway.layers._waiters import AsyncioHome, AsyncWaiter, Home
from seaway.layers.redis._connection import Connection, Refusal, TrioConnection
from seaway.layers.redis._engine import Engine
from seaway.layers.redis._jobs import Batch, Job
from seaway.layers.redis._lane import Lane, logger
from seaway.layers.redis._link import SWEEP
from seaway.layers.redis._owner import Owner
from seaway.layers.redis._pipeline import Answer, AsyncioConnection
from seaway.layers.redis._reader import Reader
from seaway.layers.redis._readers import Readers
from seaway.layers.redis._settings import RedisOptions
from seaway.layers.redis._streams import Address
from seaway.layers.redis._wire import Command

_WORKERS = 2
"""Batches of one lane under way at the same time."""


class AsyncEngine(Engine):
    """See `Engine`.

    Args:
        options: of the layer.
        home: the event loop that runs here.
    """

    def __init__(self, options: RedisOptions, home: Home) -> None:
        super().__init__(options)
        self.owner = Owner(self)
        self._home = home
        self._scopes: set[anyio.CancelScope] = set()
        self._running = 0
        self._ended: AsyncWaiter | None = None
        self._resting: AsyncWaiter | None = None
        self._is_roused = False
        self._is_asking_soon = self._is_late = False
        self._tasks: set[Any] = set()

    def start(self) -> None:
        """Begin to work."""
        if self.cluster is None:
            self.staff(self.lane)
            self.spawn(Reader(self, self.owner).run)
        else:
            self.readers = Readers(self, self.owner)
            self.spawn(self.readers.run)

    def staff(self, lane: Lane) -> None:
        """See `Engine.staff`."""
        lane.opening = anyio.Lock(fast_acquire=True)
        for _ in range(_WORKERS):
            self.spawn(lambda: self._work(lane))

    def spawn(self, function: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """See `Engine.spawn`."""
        self._running += 1
        if isinstance(self._home, AsyncioHome):
            task = self._home.loop.create_task(self._task(function))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            sys.modules["trio"].lowlevel.spawn_system_task(self._task, function)

    async def _task(self, function: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            with anyio.CancelScope() as scope:
                self._scopes.add(scope)
                if not self.is_closing:
                    await function()
        finally:
            self._scopes.discard(scope)
            self._running -= 1
            if not self._running and self._ended is not None:
                self._ended.wake()

    async def stop(self) -> None:
        """End the tasks, and what waits for them."""
        self.clear()
        self.cancel()
        with anyio.CancelScope(shield=True):
            while self._running:
                self._ended = self._home.waiter(None)
                self._ended.arm()
                await self._ended.wait()

    def cancel(self) -> None:
        """Let the tasks end. In the loop's thread."""
        for scope in list(self._scopes):
            scope.cancel()

    def abandon(self) -> None:
        """Let everything end: the layer object is garbage. Called by a finalizer, so in any thread."""
        self.is_closing = True
        loop = self._home.loop
        try:
            if isinstance(self._home, AsyncioHome):
                loop.call_soon_threadsafe(self.cancel)
            else:
                loop.run_sync_soon(self.cancel)
        except RuntimeError:
            pass  # the loop has ended, and the tasks with it

    # What `Engine` asks for

    async def connect(self, address: Address, timeout: float) -> Connection:
        if isinstance(self._home, AsyncioHome):
            return await AsyncioConnection.open(address, timeout)
        return await TrioConnection.open(address, timeout)

    def new_waiter(self, timeout: float | None) -> AsyncWaiter:
        """See `Engine.new_waiter`."""
        return self._home.waiter(timeout)

    async def wait(self, waiter: AsyncWaiter) -> bool:
        """See `Engine.wait`."""
        return await waiter.wait()

    async def call(self, job: Job) -> Job:
        """See `Engine.call`."""
        if not job.ended:
            job.waiter = waiter = self._home.waiter(None)  # armed, as it is new
            if not job.queued:
                self.submit(job)
            await waiter.wait()
        if job.error is not None:
            raise job.error
        return job

    async def call_within(self, job: Job, seconds: float) -> bool:
        """See `Engine.call_within`."""
        job.waiter = waiter = self._home.waiter(max(seconds, 0))
        waiter.arm()
        self.submit(job)
        await waiter.wait()
        return job.ended

    def submit(self, job: Job) -> None:
        """See `Engine.submit`."""
        lane = job.lane = self.lane if self.cluster is None else self.cluster.lane_for(job)
        lane.queue.put(job)
        if not lane.is_begun:
            if self.cluster is None and type(lane.connection) is AsyncioConnection:
                lane.is_begun = True
                lane.connection.loop.call_soon(self._begin, lane)
            elif lane.idle:
                lane.idle.pop().wake()

    def push(self) -> None:
        """See `Engine.push`: whoever does it has been told."""

    def rouse(self) -> None:
        """See `Engine.rouse`."""
        self._is_roused = True
        if self._resting is not None:
            self._resting.wake()
            self._resting = None

    async def rest(self, seconds: float) -> None:
        """See `Engine.rest`."""
        if not self._is_roused:
            self._resting = self._home.waiter(seconds)
            self._resting.arm()
            await self._resting.wait()
            self._resting = None
        self._is_roused = False

    async def sleep(self, seconds: float) -> None:
        """See `Engine.sleep`."""
        await anyio.sleep(seconds)

    async def opened(self, lane: Lane) -> Connection:
        """See `Engine.opened`."""
        if lane.connection is None:
            async with lane.opening:
                if lane.connection is None:
                    return await self._reach(lane)
        assert lane.connection is not None
        return lane.connection

    async def _reach(self, lane: Lane) -> Connection:
        attempt = anyio.CancelScope()

        async def sweep() -> None:
            with attempt:
                while True:
                    await anyio.sleep(SWEEP)
                    self.sweep(lane)

        self.spawn(sweep)
        try:
            return await self.open_lane(lane)
        finally:
            attempt.cancel()

    # On asyncio: what no task waits for at the broker

    def ask(self) -> None:
        """See `Engine.ask`."""
        if self.lines.is_alone or not isinstance(self._home, AsyncioHome):
            super().ask()
        else:
            self._ask_soon(self._home.loop)

    def kick_on(self) -> None:
        """See `Engine.kick_on`."""
        if isinstance(self._home, AsyncioHome) and self.lines.is_waited_for():
            self._ask_soon(self._home.loop)
        else:
            self.kick()

    def _ask_soon(self, loop: Any) -> None:
        """Calls that begin in one turn of the event loop share a question, as do those whose message has just come."""
        if not self._is_asking_soon:
            self._is_asking_soon = True
            loop.call_soon(self._ask_now, loop)

    def _ask_now(self, loop: Any) -> None:
        if self.lines.is_woken and not self._is_late:
            # Somebody who has just been told has not looked yet: it may come to ask, too.
            self._is_late = True
            loop.call_soon(self._ask_now, loop)
            return
        self._is_asking_soon = self._is_late = False
        with self.lock:
            self.kick()

    def poll(self, command: Command) -> None:
        """See `Engine.poll`. Straight to the broker, for it may be asked again: what goes wrong goes into the queue."""
        connection, queue = self.lane.connection, self.lane.queue
        # What waits in the queue may be given back to a channel that is asked for: its order would be lost.
        if self.cluster is not None or queue or type(connection) is not AsyncioConnection or connection.is_over():
            super().poll(command)
        else:
            timeout = self.options.send_deadline + self.margin
            connection.ask((command,), timeout, partial(self._polled, command))

    def _polled(self, command: Command, answer: Answer) -> None:
        if isinstance(answer, ConnectionError) or isinstance(answer[0], Refusal):
            super().poll(command)
            return
        try:
            self.polled(answer[0])
        except Exception:
            logger.exception("an answer to a layer could not be understood")
            self.lines.unanswered()

    # Batches that no task waits for. Whatever is not as usual is left to the tasks below.

    def _begin(self, lane: Lane) -> None:
        """Write what waits in *lane*."""
        lane.is_begun = False
        while lane.queue and lane.under_way < _WORKERS:
            connection = lane.connection
            if type(connection) is not AsyncioConnection or connection.is_over() or self.is_closing:
                self._summon(lane)
                return
            with self.lock:
                batch = lane.queue.take()
                if batch is None:
                    return
                commands = self.fill(lane, batch)
            lane.under_way += 1
            self._ask(lane, connection, batch, commands, partial(self._told, lane, connection, batch))

    def _ask(
        self, lane: Lane, connection: AsyncioConnection, batch: Batch, commands: list[Command],
        tell: Callable[[Answer], None],
    ) -> None:  # fmt: skip
        if not commands:
            tell([])
            return
        try:
            connection.ask(commands, self.time_for(batch), tell)
        except Exception as error:
            logger.exception("a batch of a layer could not be written")
            tell(ConnectionError(str(error)))

    def _told(self, lane: Lane, connection: AsyncioConnection, batch: Batch, answer: Answer) -> None:
        """Take the answer to *batch*."""
        lane.under_way -= 1
        is_usual = False
        try:
            if isinstance(answer, ConnectionError):
                self.lost(lane, connection, batch, answer)
            elif forgotten := batch.forgotten(answer):
                lane.under_way += 1
                tell = partial(self._reminded, lane, connection, batch, answer)
                self._ask(lane, connection, batch, forgotten, tell)
                return
            else:
                pause, leave = self.settle(lane, connection, batch, answer)
                if leave:
                    self.forsake(lane, connection)
                is_usual = not pause and not leave
        except Exception:
            logger.exception("a batch of a layer failed")
        if lane.queue:
            if is_usual:
                self._begin(lane)
            else:
                self._summon(lane)

    def _reminded(
        self, lane: Lane, connection: AsyncioConnection, batch: Batch, replies: list[Any], answer: Answer
    ) -> None:
        if not isinstance(answer, ConnectionError):
            batch.reminded(replies, answer)
            answer = replies
        self._told(lane, connection, batch, answer)

    def _summon(self, lane: Lane) -> None:
        if lane.idle:
            lane.idle.pop().wake()

    async def _served(self, lane: Lane) -> bool:
        try:
            return await self.serve(lane)
        except Exception:
            logger.exception("a batch of a layer failed")
            return False

    async def _work(self, lane: Lane) -> None:
        try:
            while True:
                if not lane.queue:
                    await self._idle(lane)
                elif not await self._served(lane):
                    await self._put_off(lane, lane.pause.next())
        finally:
            connection, lane.connection = lane.connection, None
            if connection is not None:
                await self.drop_connection(connection)

    async def _put_off(self, lane: Lane, seconds: float) -> None:
        """Wait before the next attempt."""
        end = monotonic() + seconds
        while (left := end - monotonic()) > 0:
            await anyio.sleep(min(left, SWEEP))
            self.sweep(lane)

    async def _idle(self, lane: Lane) -> None:
        """Wait until there is work."""
        due = lane.queue.next_due()
        waiter = self._home.waiter(None if due is None else max(due - monotonic(), 0))
        waiter.arm()
        lane.idle.append(waiter)
        if not await waiter.wait():
            with suppress(ValueError):
                lane.idle.remove(waiter)

"""A synchronous layer as an asynchronous one. See `seaway.layers.adapters.to_async`.

Rules of this module: a call in a thread cannot be stopped, so a caller that is cancelled waits for its end; what it
took meanwhile is held for the next ``receive``. A layer that is built on `seaway.layers.base` waits for messages
without a thread, and so never gets into that situation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from math import inf
from time import monotonic
from typing import Any

from anyio import CancelScope

from seaway.layers._adapter import Adapter, Held
from seaway.layers._waiters import AsyncWaiter, Home, Waiter
from seaway.layers.base import Message, Received, Sources, check_timeout
from seaway.layers.flavours import AsyncLayer, SyncLayer
from seaway.spec import InvalidMessage, inbox_of, normalise

_SLICE = 0.05
"""Seconds that a receive of a foreign layer waits at most before it can be cancelled."""

_THREADS = 1000
"""Calls of a layer at the same time; threads are started as they are needed."""


class _Job:
    """A call in a worker thread, for a task that waits for its end."""

    def __init__(self, function: Callable[[], Any], waiter: AsyncWaiter) -> None:
        self._function = function
        self._waiter = waiter
        self.result: Any = None
        self.error: BaseException | None = None
        self.done = False

    def run(self) -> None:
        try:
            self.result = self._function()
        except BaseException as error:
            self.error = error
        # In this order: whoever arms the waiter and then finds nothing done will be woken.
        self.done = True
        self._waiter.wake()


class Asynchronous(Adapter, AsyncLayer):
    """A synchronous layer, driven in worker threads."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self._adapt(layer)
        self._held = Held()
        self._joined: set[tuple[str, str]] = set()
        self._reading: set[str] = set()
        self._threads = ThreadPoolExecutor(_THREADS, "seaway-to-async")

    def _open(self) -> None:
        pass

    async def _call(
        self, method: Callable[..., Any], *arguments: Any, undo: Callable[[Any], None] | None = None
    ) -> Any:
        """Return what *method* returns, called in a thread; ends only after it has ended.

        A cancellation that a cancel scope has asked for is left to the caller's next checkpoint. One by asyncio's
        ``Task.cancel`` is raised, and then *undo* gets what the method returned, in the thread of the loop.
        """
        waiter = self._enter().waiter(None)
        job = _Job(partial(method, *arguments), waiter)
        self._threads.submit(job.run)
        cancelled: BaseException | None = None
        with CancelScope(shield=True):
            while True:
                waiter.arm()
                if job.done:
                    break
                try:
                    await waiter.wait()
                except asyncio.CancelledError as error:
                    cancelled = error
        if cancelled is not None:
            if undo is not None and job.error is None:
                undo(job.result)
            raise cancelled
        if job.error is not None:
            raise job.error
        return job.result

    async def receive(self, channels: list[str] | tuple[str, ...], timeout: float | None = None) -> Received:
        """See `AsyncLayer.receive`."""
        home = self._enter()
        inboxes = {source.name for source in self._sources_of(channels) if source.inbox is not None}
        if timeout is not None:
            timeout = check_timeout(timeout)
        if inboxes & self._reading:
            raise RuntimeError(f"another receive waits for the inbox {min(inboxes & self._reading)!r} (LAY-052)")
        deadline = inf if timeout is None else monotonic() + timeout
        self._reading |= inboxes
        try:
            return await self._receive_in_slices(home, channels, deadline)
        finally:
            self._reading -= inboxes

    async def _receive_in_slices(self, home: Home, channels: list[str] | tuple[str, ...], deadline: float) -> Received:
        waited = False
        while True:
            found = self._held.take(channels)
            if found is not None:
                return found
            await home.checkpoint()
            left = min(max(deadline - monotonic(), 0), _SLICE)
            try:
                received: Received = await self._call(self._layer.receive, channels, left, undo=self._held.put)
            except ValueError as error:
                if waited:  # so these channels were right when the call began
                    raise RuntimeError(f"an inbox was closed while this receive waited (LAY-072): {error}") from error
                raise
            if received[0] is not None or monotonic() >= deadline:
                return received
            waited = True

    async def send(self, channel: str, message: Message) -> None:
        """See `SyncLayer.send`."""
        await self._call(self._layer.send, channel, _read(message))

    async def send_group(self, group: str, message: Message) -> None:
        """See `SyncLayer.send_group`."""
        await self._call(self._layer.send_group, group, _read(message))

    async def new_channel(self, pattern: str) -> str:
        """See `SyncLayer.new_channel`."""
        return str(await self._call(self._layer.new_channel, pattern))

    async def close_channel(self, channel: str) -> None:
        """See `SyncLayer.close_channel`."""
        await self._call(self._layer.close_channel, channel)
        ended = {member for member in self._joined if channel in (member[1], inbox_of(member[1]))}
        self._joined -= ended

    async def group_add(self, group: str, channel: str) -> None:
        """See `SyncLayer.group_add`; cancelled, it leaves no membership behind that was not there (GRP-004)."""
        try:
            await self._call(self._layer.group_add, group, channel)
        except asyncio.CancelledError:
            if (group, channel) not in self._joined:
                with suppress(Exception):
                    await self._call(self._layer.group_discard, group, channel)
            raise
        self._joined.add((group, channel))

    async def group_discard(self, group: str, channel: str) -> None:
        """See `SyncLayer.group_discard`."""
        await self._call(self._layer.group_discard, group, channel)
        self._joined.discard((group, channel))

    async def flush(self) -> None:
        """See `seaway.layers.memory.MemoryLayer.flush`."""
        await self._call(self._layer.flush)

    async def statistics(self) -> Any:
        """See `seaway.layers.memory.MemoryLayer.statistics`."""
        return await self._call(self._layer.statistics)

    async def _aclose(self) -> None:
        await self._call(self._layer.close)
        self._threads.shutdown(wait=False)


class AsynchronousOnBase(Asynchronous):
    """A synchronous layer that is built on `seaway.layers.base`: its ``receive`` needs no thread."""

    _layer: SyncLayer

    def _open(self) -> None:
        self._layer._enter()
        self._take = self._layer._take
        self._take_or_wait = self._layer._take_or_wait
        self._leave = self._layer._leave
        self._asks = self._layer._asks

    receive = AsyncLayer.receive

    async def _ask(self, sources: Sources, waiter: Waiter, timeout: float | None) -> None:
        await self._call(self._layer._ask, sources, waiter, timeout)

    async def _recall(self, waiter: Waiter, is_cancelled: bool) -> None:
        with CancelScope(shield=True):
            await self._call(self._layer._recall, waiter, is_cancelled)


def _read(message: Message) -> Message:
    # A thread reads the message only later, when the caller may have changed it (LAY-030).
    try:
        return normalise(message)
    except InvalidMessage:
        return message  # the layer behind has the better error

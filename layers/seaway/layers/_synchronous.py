"""An asynchronous layer as a synchronous one. See `seaway.layers.adapters.to_sync`.

Rules of this module: a call blocks its thread until it has ended in the event loop of the layer behind. Only an
exception in that thread (``KeyboardInterrupt``) can part the two; what the call took then is held.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread
from typing import Any

from seaway.layers._adapter import Adapter, Call, Held
from seaway.layers._waiters import AsyncioHome, Home, current_home
from seaway.layers.base import Message, Received, State
from seaway.layers.flavours import AsyncLayer, SyncLayer


class Synchronous(Adapter, SyncLayer):
    """An asynchronous layer, driven from any thread."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self._adapt(layer)
        self._home = current_home()
        self._held = Held()
        self._own: _LoopThread | None = None

    def _open(self) -> None:
        if isinstance(self._layer, AsyncLayer) and self._layer._home is not None:
            self._home = self._layer._home
        if self._home is None:
            self._own = _LoopThread()
            weakref.finalize(self, self._own.stop).atexit = False
            self._home = self._own.home

    def _call(self, method: Callable[..., Any], *arguments: Any) -> Any:
        self._enter()
        return self._far_loop().call(lambda: method(*arguments))

    def _far_loop(self) -> Home:
        assert self._home is not None
        here = current_home()
        if here is not None and here.loop is self._home.loop:
            raise RuntimeError(
                "a synchronous call in the thread of the event loop that it needs would wait for ever; "
                "await the asynchronous layer there, or call from a worker thread (LAY-098)"
            )
        return self._home

    def receive(self, channels: list[str] | tuple[str, ...], timeout: float | None = None) -> Received:
        """See `SyncLayer.receive`."""
        self._enter()
        self._sources_of(channels)
        found = self._held.take(channels)
        if found is not None:
            return found
        call = Call(self._held)

        async def receive() -> None:
            call.finish(await self._layer.receive(channels, timeout))

        try:
            self._call(receive)
        except BaseException:
            call.abandon()
            raise
        return call.received

    def send(self, channel: str, message: Message) -> None:
        """See `SyncLayer.send`."""
        self._call(self._layer.send, channel, message)

    def send_group(self, group: str, message: Message) -> None:
        """See `SyncLayer.send_group`."""
        self._call(self._layer.send_group, group, message)

    def new_channel(self, pattern: str) -> str:
        """See `SyncLayer.new_channel`."""
        return str(self._call(self._layer.new_channel, pattern))

    def close_channel(self, channel: str) -> None:
        """See `SyncLayer.close_channel`."""
        self._call(self._layer.close_channel, channel)

    def group_add(self, group: str, channel: str) -> None:
        """See `SyncLayer.group_add`."""
        self._call(self._layer.group_add, group, channel)

    def group_discard(self, group: str, channel: str) -> None:
        """See `SyncLayer.group_discard`."""
        self._call(self._layer.group_discard, group, channel)

    def flush(self) -> None:
        """See `seaway.layers.memory.SyncMemoryLayer.flush`."""
        self._call(self._layer.flush)

    def statistics(self) -> Any:
        """See `seaway.layers.memory.SyncMemoryLayer.statistics`."""
        return self._call(self._layer.statistics)

    def close(self) -> None:
        """See `SyncLayer.close`."""
        if self._state is State.OPEN:
            self._far_loop()  # raises before anything is closed
        super().close()

    def _close(self) -> None:
        self._far_loop().call(self._layer.close)
        if self._own is not None:
            self._own.stop()


class _LoopThread:
    """An event loop of an adapter's own, in a thread that does not keep the process alive."""

    home: AsyncioHome

    def __init__(self) -> None:
        self._ended = asyncio.Event()
        started = Event()
        Thread(target=asyncio.run, args=(self._main(started),), name="seaway-to-sync", daemon=True).start()
        started.wait()

    async def _main(self, started: Event) -> None:
        self.home = AsyncioHome(asyncio.get_running_loop())
        started.set()
        await self._ended.wait()

    def stop(self) -> None:
        """End the loop and its thread; idempotent, from any other thread and from a finalizer."""
        with suppress(RuntimeError):  # it is closed already
            self.home.loop.call_soon_threadsafe(self._ended.set)

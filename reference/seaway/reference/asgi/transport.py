"""The driver: carries ASGI events between a server's `receive` and `send` and a protocol that never awaits.

It is to the protocols of this folder what `asyncio.Transport` is to those that know bytes. Its buffer is one event:
what is behind it waits, so that the server's own backpressure reaches the consumer.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import anyio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Event", "EventTransport"]

Event = dict[str, Any]


class EventTransport:
    """One ASGI call. `run` returns when the protocol has closed it, or the client or the server has ended it."""

    def __init__(
        self, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]], protocol: Any
    ) -> None:
        self._receive = receive
        self._send = send
        self._protocol = protocol
        self._events: deque[tuple[Event, int]] = deque()
        self._size = 0
        self._written = anyio.Event()
        self._readable = anyio.Event()
        self._readable.set()
        self._closing = False
        self._scope = anyio.CancelScope()

    async def run(self) -> None:
        """Carry events both ways until the connection has ended."""
        self._protocol.connection_made(self)
        try:
            with self._scope:
                await self._carry()
        finally:
            self._closing = True
            self._protocol.connection_lost(None)

    async def _carry(self) -> None:
        failures: list[Exception] = []  # raised as they are, not as a group
        async with anyio.create_task_group() as tasks:

            async def guarded(carry: Callable[[], Awaitable[None]]) -> None:
                try:
                    await carry()
                except Exception as error:
                    failures.append(error)
                    tasks.cancel_scope.cancel()

            tasks.start_soon(guarded, self._read)
            await guarded(self._write)
            tasks.cancel_scope.cancel()
        if failures:
            raise failures[0]

    async def _read(self) -> None:
        while True:
            await self._readable.wait()
            event = await self._receive()
            if event["type"].endswith(".disconnect"):
                self._protocol.disconnected(event)
                return
            self._protocol.event_received(event)

    async def _write(self) -> None:
        while True:
            if self._events:
                event, size = self._events[0]
                if not await self._pass_on(event):
                    return
                self._events.popleft()
                self._size -= size
                if not self._events:
                    self._protocol.resume_writing()
            elif self._closing:
                return
            else:
                self._written = anyio.Event()
                await self._written.wait()

    async def _pass_on(self, event: Event) -> bool:
        """Give one event to the server; False if the client is gone. What else the server raises is its to handle."""
        try:
            await self._send(event)
        except OSError:  # ASGI 2.4; before that servers say nothing
            return False
        except Exception:
            if self._protocol.lost:  # as some servers tell it
                return False
            raise
        return True

    # -- what protocols call -------------------------------------------------------------------------------

    def write(self, event: Event, size: int = 0) -> None:
        """Send `event`, which carries `size` bytes, behind what is there."""
        if self._closing:
            return
        self._events.append((event, size + 1))
        self._size += size + 1
        self._written.set()
        self._protocol.pause_writing()

    def close(self) -> None:
        """End the call once all is written."""
        self._closing = True
        self._written.set()

    def abort(self) -> None:
        """End the connection now, and the call as soon as the server lets go of it: some cannot be cancelled."""
        self._closing = True
        self._scope.cancel()
        self._protocol.connection_lost(None)

    def pause_reading(self) -> None:
        """Ask the server for nothing: what comes waits there."""
        self._readable = anyio.Event()

    def resume_reading(self) -> None:
        """Go on asking."""
        self._readable.set()

    def get_write_buffer_size(self) -> int:
        """What waits to be taken by the server: at least 1 for each event."""
        return self._size

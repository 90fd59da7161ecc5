"""One coroutine that runs beside its caller, on asyncio or trio: ASGI's calls last, a consumer's do not."""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING, Any

import anyio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Beside"]


class Beside:
    """Runs `function()` in a task of its own, in a copy of the caller's context.

    - `ended`: awaited there when it has ended by itself.
    - `done`: set when it has ended, before that.
    - `error`: what it raised, if anything; nothing that it raises reaches the event loop.
    """

    def __init__(
        self, function: Callable[[], Awaitable[None]], ended: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        self.done = anyio.Event()
        self.error: BaseException | None = None
        self.cancelled = False
        self._function = function
        self._ended = ended
        self._handle: Any
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._start_on_trio()
        else:
            self._handle = loop.create_task(self._run())

    def cancel(self) -> None:
        """Cancel it, as its event loop cancels: on asyncio once, on trio until it has ended."""
        self.cancelled = True
        self._handle.cancel()

    def _start_on_trio(self) -> None:
        import trio

        scope = self._handle = trio.CancelScope()

        async def run() -> None:
            with scope:
                await self._run()

        trio.lowlevel.spawn_system_task(run, context=contextvars.copy_context())

    async def _run(self) -> None:
        try:
            await self._function()
        except anyio.get_cancelled_exc_class() as error:
            if self.cancelled or not isinstance(error, asyncio.CancelledError):
                raise
            self.error = error  # of its own making
        except BaseException as error:
            self.error = error
        finally:
            self.done.set()
        if self._ended is not None:
            await self._ended()

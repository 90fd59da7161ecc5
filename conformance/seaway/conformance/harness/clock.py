"""The clock of a harness: it stands still until a test moves it.

Rules of this module: no event loop. Real time has no part in anything that a test can see.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Awaitable, Callable

from attrs import define, field

_MANY = 10_000


@define(order=True)
class Timer:
    """Something that will happen at *due*, in seconds of the clock, unless it is cancelled before."""

    due: float
    number: int
    callback: Callable[[], None] | None = field(order=False)

    def cancel(self) -> None:
        """Let it not happen."""
        self.callback = None


class Clock:
    """A monotonic clock that moves only when it is told to; called, it tells the time in seconds.

    Layers that take a clock may be given it: ``MemoryLayer(clock=clock)``. Two harnesses may share one.
    """

    def __init__(self) -> None:
        self._now = 1000.0
        self._numbers = itertools.count()
        self._timers: list[Timer] = []
        self._settlers: list[Callable[[], Awaitable[None]]] = []

    def __call__(self) -> float:
        """Return the time, in seconds."""
        return self._now

    async def advance(self, seconds: float) -> None:
        """Let *seconds* pass: what is due meanwhile happens, in its order, each when all consumers are idle.

        Raises:
            ValueError: *seconds* is negative.
            AssertionError: a consumer asks to be woken again and again without letting time pass.
        """
        if seconds < 0:
            raise ValueError(f"expected 0 seconds or more, got {seconds!r}: this clock does not go back")
        target = self._now + seconds
        await self._settle()
        for _ in range(_MANY):
            timer = self._next()
            if timer is None or timer.due > target:
                break
            self._now = max(self._now, timer.due)
            self.fire()
            await self._settle()
        else:
            raise AssertionError(f"{_MANY} things were due within {seconds:g} seconds: see who sends server.wake")
        self._now = target
        await self._settle()

    def later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call *callback* when *seconds* have passed. For the harness."""
        timer = Timer(self._now + seconds, next(self._numbers), callback)
        heapq.heappush(self._timers, timer)
        return timer

    def fire(self) -> bool:
        """Let the next thing that is due by now happen; return whether there was one. For the harness."""
        timer = self._next()
        if timer is None or timer.due > self._now:
            return False
        callback, timer.callback = timer.callback, None
        assert callback is not None
        callback()
        return True

    def attach(self, settle: Callable[[], Awaitable[None]]) -> None:
        """Await *settle* whenever time moves. For the harness."""
        self._settlers.append(settle)

    def detach(self, settle: Callable[[], Awaitable[None]]) -> None:
        """Do so no longer."""
        self._settlers.remove(settle)

    async def _settle(self) -> None:
        for settle in list(self._settlers):
            await settle()

    def _next(self) -> Timer | None:
        while self._timers and self._timers[0].callback is None:
            heapq.heappop(self._timers)
        return self._timers[0] if self._timers else None

"""How much time has passed for this process: while a busy machine does not let it run it can do nothing."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Self

STEP = 0.05
"""Seconds that the counting thread sleeps at once."""

MOST = 0.2
"""Seconds that one sleep counts at most: what is above is the machine's doing."""


class Pace:
    """Counts seconds while it is used by ``with``, on a thread of its own that sleeps for a step, and again.

    What is late by this clock is late by its own doing.

    Attributes:
        seconds: so far.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._count, name="conformance-pace", daemon=True)

    def _count(self) -> None:
        last = time.monotonic()
        while not self._is_over.wait(STEP):
            now = time.monotonic()
            self.seconds += min(now - last, MOST)
            last = now

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

"""Worker threads for synchronous consumers.

The standard library's pool joins its threads when the interpreter exits, so that one stuck consumer would keep the
process for ever; these are daemons (decision record 0003).
"""

from __future__ import annotations

import itertools
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ThreadPool"]


class ThreadPool:
    """At most `size` threads, started when first needed. A job must not raise."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0
        self._count = 0
        self._names = itertools.count(1)

    def submit(self, job: Callable[[], None]) -> None:
        """Run `job` in a thread, when one is free; jobs begin in the order in which they came."""
        with self._lock:
            spawn = False
            if self._idle:
                self._idle -= 1
            elif self._count < self._size:
                self._count += 1
                spawn = True
        self._jobs.put(job)
        if spawn:
            threading.Thread(target=self._work, name=f"seaway-consumer-{next(self._names)}", daemon=True).start()

    def close(self) -> None:
        """Let the threads end once they are idle; nothing may be submitted afterwards."""
        with self._lock:
            count = self._count
        for _ in range(count):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            with self._lock:
                self._idle += 1

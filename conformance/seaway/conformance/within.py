"""A limit of time for what runs in this thread and was written by somebody else."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class TooLateError(Exception):
    """What ran has not ended in time; the text says where it was."""


class _Interrupt(BaseException):
    """No ``except Exception`` stops it."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Interrupt what runs inside after *seconds*; it stays in the main thread, as an import may expect.

    In another thread, or on a system without timers that interrupt, there is no limit.

    Raises:
        TooLateError: it was interrupted.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise _Interrupt(f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else "somewhere")

    handler = signal.signal(signal.SIGALRM, interrupt)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except _Interrupt as error:
        raise TooLateError(str(error)) from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)

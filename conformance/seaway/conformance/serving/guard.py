"""Ends the servers of a run that was killed, for then nobody else does.

Rules of this module: the standard library only. The file is run as a script, by `Guard`, in a process of its own that
reads which process groups there are; when the run is gone, so is the other end of its pipe.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress


class Guard:
    """A process that kills the process groups it was told of if this one goes before `close`."""

    def __init__(self) -> None:
        command = [sys.executable, "-S", "-E", __file__]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)

    def watch(self, group: int) -> None:
        """Note that the process group *group* is to end with this process."""
        self._tell(f"+{group}\n")

    def forget(self, group: int) -> None:
        """Note that *group* has ended: its number may become somebody else's."""
        self._tell(f"-{group}\n")

    def close(self) -> None:
        """End the guard, which does nothing more."""
        self._process.kill()
        self._process.communicate()

    def _tell(self, line: str) -> None:
        stdin = self._process.stdin
        with suppress(BrokenPipeError, ValueError):  # somebody has killed the guard, or it is closed
            if stdin is not None:
                stdin.write(line.encode())
                stdin.flush()


def guard(lines: Iterable[str]) -> None:
    """Read the process groups of a run, and kill those that are left when the lines end."""
    groups: set[int] = set()
    for line in lines:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    for group in groups:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    guard(sys.stdin)

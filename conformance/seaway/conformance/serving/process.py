"""A server under test as a process: started by its command, ready when it accepts, ended with all its children.

Rules of this module: no pytest. It leads a process group of its own, and its output goes to a file. That it ended by
itself is `Crashed`, with the last lines that it wrote.
"""

from __future__ import annotations

import os
import re
import resource
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio

from seaway.conformance.applications.strings import HUB
from seaway.conformance.client.http import Wire
from seaway.conformance.face import Crashed, Hang
from seaway.conformance.remote import environment
from seaway.conformance.serving.command import HOST
from seaway.conformance.serving.guard import Guard
from seaway.conformance.serving.hub import Applications

_LAST_LINES = 15
_PAUSE = 0.01


class Served:
    """A server process.

    Attributes:
        port: where it listens, or will.
        applications: what its application calls report.
    """

    def __init__(
        self, words: Sequence[str], port: int, token: str, hub_port: int, applications: Applications, guard: Guard
    ) -> None:
        self.port = port
        self.token = token
        self.applications = applications
        self._words = list(words)
        self._may_end = False
        self._guard = guard
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        try:
            self._process = subprocess.Popen(
                self._words,
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=self._output,
                start_new_session=True,
                env={**environment(), HUB: f"{HOST}:{hub_port}:{token}", "PYTHONUNBUFFERED": "1"},
            )
        except OSError as error:
            self._output.close()
            raise Crashed(f"{shlex.join(self._words)} could not be started: {error}") from error
        guard.watch(self.pid)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return HOST, self.port

    @property
    def pid(self) -> int:
        """Its process identifier."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether the process is over."""
        return self._process.poll() is not None

    @property
    def has_crashed(self) -> bool:
        """Whether it is over though nobody has told it to end."""
        return self.has_ended and not self._may_end

    def crash(self) -> Crashed:
        """Return what is to be said of a process that ended by itself."""
        return Crashed(self._explained(f"ended by itself with exit code {self._process.returncode}"))

    async def ready(self, seconds: float) -> None:
        """Wait until it accepts connections.

        Raises:
            Crashed: it ended.
            Hang: it does not within so many *seconds*.
        """
        with anyio.move_on_after(seconds):
            while not self.has_ended:
                if await self.listens():
                    return
                await anyio.sleep(_PAUSE)
            raise self.crash()
        raise Hang(self._explained(f"accepted no connection at {HOST}:{self.port} within {seconds:g} seconds"))

    async def listens(self) -> bool:
        """Return whether it accepts a connection now."""
        try:
            (await Wire.connect(self.address, deadline=5)).close()
        except OSError:
            return False
        return True

    async def answers(self, seconds: float) -> bool:
        """Return whether it answers within so many *seconds*: a line that is no request, which needs no application.

        One that a test has told to end, and that takes nobody in any more, has answered by that.
        """
        try:
            client = await Wire.connect(self.address, deadline=seconds)
        except OSError:
            return self._may_end
        except Hang:  # it listens, but takes nobody in
            return False
        try:
            await client.send(b"GET\r\n\r\n")
            await client.more()
        except Hang:
            return False
        finally:
            client.close()
        return True

    def may_end(self) -> None:
        """Note that it is no crash if it ends: a test has told it to, or expects it."""
        self._may_end = True

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process itself, not to its children."""
        self._may_end = True
        with suppress(ProcessLookupError):
            os.kill(self._process.pid, number)

    def limit_descriptors(self, more: int) -> None:
        """Let it have so many *more* file descriptors than it has now. On Linux only."""
        highest = max(int(path.name) for path in Path(f"/proc/{self.pid}/fd").iterdir())
        hard = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (highest + 1 + more, hard))

    def memory_peak(self) -> int:
        """Return the most bytes of memory that it and its children have had, each at its time. On Linux only."""
        return sum(map(_memory_peak, _session(self.pid)))

    async def exit_code(self, seconds: float) -> int:
        """Wait until it has ended by itself; return its exit code.

        Raises:
            Hang: it does not within so many *seconds*.
        """
        with anyio.move_on_after(seconds):
            while not self.has_ended:
                await anyio.sleep(_PAUSE)
            return int(self._process.returncode)
        raise Hang(self._explained(f"has not ended within {seconds:g} seconds"))

    def output(self) -> str:
        """Return what it has written to standard output and standard error so far."""
        file = self._output.fileno()
        return os.pread(file, os.fstat(file).st_size, 0).decode(errors="replace")

    async def logged(self, text: str, seconds: float) -> str:
        """Wait until *text* is in its output; return all of that.

        Raises:
            Hang: it is not within so many *seconds*.
        """
        with anyio.move_on_after(seconds):
            while text not in (output := self.output()):
                await anyio.sleep(_PAUSE)
            return output
        raise Hang(self._explained(f"has not written {text!r} within {seconds:g} seconds"))

    def kill(self) -> None:
        """End it, and all its children, for certain."""
        self._may_end = True
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._guard.forget(self.pid)
        self._output.close()

    def _explained(self, what: str) -> str:
        last: list[Any] = self.output().splitlines()[-_LAST_LINES:]
        return "\n  ".join([f"the server {what}: {shlex.join(self._words)}", *(last or ["it wrote nothing"])])


def _session(leader: int) -> list[Path]:
    """Return the folders in ``/proc`` of the processes of a session."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.getsid(int(folder.name)) == leader:
                found.append(folder)
    return found


def _memory_peak(folder: Path) -> int:
    with suppress(OSError):
        if (matched := re.search(r"VmHWM:\s+(\d+) kB", (folder / "status").read_text())) is not None:
            return 1024 * int(matched[1])
    return 0

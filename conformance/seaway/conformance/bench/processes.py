"""Servers as processes: started by command line, ready when they accept, stopped as a whole.

A server may have children (workers); it leads a session of its own, and processor time and memory are those
of the session. They are read from Linux's `/proc`.
"""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

import attrs

from seaway.conformance.bench.errors import BenchError
from seaway.conformance.bench.report import Sample
from seaway.conformance.serving.command import HOST, CommandError, check, free_port
from seaway.conformance.serving.command import command_line as fill

START_SECONDS: Final = 20.0
STOP_SECONDS: Final = 5.0
_LAST_LINES: Final = 15
_FOLDER: Final = re.compile(r'(?<=File ")[^"]*/')

_PROC = Path("/proc")
# Positions in /proc/PID/stat after the closing bracket of the program's name: proc_pid_stat(5) minus 3.
_SESSION, _USER_TICKS, _SYSTEM_TICKS = 3, 11, 12


def can_account() -> bool:
    """Whether this machine tells the processor time and the memory of other processes."""
    return (_PROC / "self" / "smaps_rollup").exists()


def sample_of(done: subprocess.CompletedProcess[str], name: str) -> Sample:
    """Return the figures that a process of the contender *name* has printed.

    Raises:
        BenchError: it ended with an error; the text has its last lines, with files by name: reports are published.
    """
    if done.returncode:
        last = _FOLDER.sub("", "\n  ".join(done.stderr.strip().splitlines()[-5:]))
        raise BenchError(f"{name} ended with exit code {done.returncode}:\n  {last}")
    sample: Sample = json.loads(done.stdout)
    return sample


@attrs.frozen
class ServerProcess:
    """A server that accepts connections at `host` and `port`."""

    session: int
    host: str
    port: int

    def cpu_seconds(self) -> float:
        """Return the processor time that its living processes have taken so far, user and system."""
        ticks = 0
        for _, fields in self._members():
            ticks += int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])
        return ticks / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self) -> int:
        """Return the memory that its processes hold.

        From `smaps_rollup`: the resident size in `stat` is counted in batches and lags by up to a megabyte.
        """
        return sum(_resident_kibibytes(pid) for pid, _ in self._members()) * 1024

    def _members(self) -> Iterator[tuple[int, list[str]]]:
        for entry in _PROC.iterdir():
            if not entry.name.isdecimal():
                continue
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue  # It ended between the listing and the reading.
            if int(fields[_SESSION]) == self.session:
                yield int(entry.name), fields


def _resident_kibibytes(pid: int) -> int:
    try:
        lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Rss:")), 0)


def per_cpu_second(count: int, cpu_seconds: float) -> float:
    """Return how much of something a second of processor time brought.

    Raises:
        BenchError: it happened in less than the clock can tell, a hundredth of a second.
    """
    if cpu_seconds <= 0:
        raise BenchError(f"{count} of them took no processor time that the clock can tell: measure for longer.")
    return count / cpu_seconds


def command_line(template: str, application: str, port: int) -> list[str]:
    """Return the words of a command template, its placeholders filled in; see `seaway.conformance.serving.command`.

    Raises:
        BenchError: another placeholder, or `{application}` or `{port}` is missing.
    """
    try:
        check(template)
    except CommandError as error:
        raise BenchError(str(error)) from error
    return fill(template, {"application": application, "port": str(port)})


@contextmanager
def running(template: str, application: str, environment: Mapping[str, str] | None = None) -> Iterator[ServerProcess]:
    """Run a server while the block runs; `template` as for `command_line`, `environment` is added to ours.

    Raises:
        BenchError: it ended, or did not accept a connection within 20 seconds; with the end of its output.
    """
    port = free_port()
    words = command_line(template, application, port)
    with tempfile.TemporaryFile(mode="w+", errors="replace") as output:
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env={**os.environ, **(environment or {})},
            )
        except OSError as error:
            raise BenchError(f"{shlex.join(words)} could not be started: {error}") from error
        try:
            _wait_until_accepting(process, words, port, output)
            yield ServerProcess(process.pid, HOST, port)
            if process.poll() is not None:
                raise BenchError(_explain("ended while it was measured", process, words, output))
        finally:
            _stop(process)


def _wait_until_accepting(process: "subprocess.Popen[bytes]", words: Sequence[str], port: int, output: IO[str]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        if process.poll() is not None:
            raise BenchError(_explain("ended before it accepted a connection", process, words, output))
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                reason = f"did not accept a connection at {HOST}:{port} within {START_SECONDS:g} seconds"
                raise BenchError(_explain(reason, process, words, output)) from None
            time.sleep(0.02)
        else:
            return


def _explain(what: str, process: "subprocess.Popen[bytes]", words: Sequence[str], output: IO[str]) -> str:
    code = process.poll()
    status = "" if code is None else f" (exit code {code})"
    output.seek(0)
    last = output.read().splitlines()[-_LAST_LINES:]
    return "\n  ".join([f"{shlex.join(words)} {what}{status}.", *(last or ["It wrote nothing."])])


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End the whole group: politely first, then for certain, workers that outlived their parent included."""
    _signal_group(process.pid, signal.SIGTERM)
    try:
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
    finally:
        _signal_group(process.pid, signal.SIGKILL)
        process.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)

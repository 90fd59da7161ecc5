"""A run that is killed leaves no server behind."""

from __future__ import annotations

import subprocess
import sys

from seaway.conformance.serving.guard import Guard

_RUN = """
import os, signal, subprocess, sys
from seaway.conformance.serving.guard import Guard
guard = Guard()
server = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(3600)"], start_new_session=True)
guard.watch(server.pid)
print(server.pid, flush=True)
os.kill(os.getpid(), signal.{signal})
"""


def test_what_a_killed_run_has_started_ends_with_it() -> None:
    for signal in ("SIGKILL", "SIGTERM"):
        run = _RUN.replace("{signal}", signal)
        # The server has the run's output: it ends when both have ended, and with it this call.
        done = subprocess.run([sys.executable, "-c", run], stdout=subprocess.PIPE, timeout=100, check=False)
        assert done.returncode < 0
        assert done.stdout.strip().isdigit()


def test_what_has_ended_in_order_is_left_alone() -> None:
    guard = Guard()
    with subprocess.Popen(
        [sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True
    ) as one:
        guard.watch(one.pid)
        guard.close()
        assert one.poll() is None
        one.communicate(b"\n")
        assert one.returncode == 0
    guard.watch(1)  # a guard that is gone is no error

"""The clock of the suite's upper limits: time in which a process was not let run does not count."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from seaway.conformance.pace import MOST, STEP, Pace

STOPPED = 1.5
RUN = """
import time
from seaway.conformance.pace import Pace
begun = time.monotonic()
with Pace() as pace:
    print(flush=True)
    input()
print(pace.seconds, time.monotonic() - begun)
"""


def test_time_that_passes_counts() -> None:
    deadline = time.monotonic() + 60
    begun = time.monotonic()
    with Pace() as pace:
        while pace.seconds < 10 * STEP:
            assert time.monotonic() < deadline
            time.sleep(STEP)
        assert pace.seconds <= time.monotonic() - begun


def test_a_time_in_which_the_process_is_stopped_does_not_count() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", RUN]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGSTOP)
        time.sleep(STOPPED)
        process.send_signal(signal.SIGCONT)
        process.stdin.write("\n")
        process.stdin.flush()
        counted, passed = map(float, process.stdout.readline().split())
    assert passed >= STOPPED
    assert counted <= passed - STOPPED + MOST

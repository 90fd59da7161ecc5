"""Fault runs of the Redis layer over one broker: processes on asyncio, trio and threads, judged by the history checker.

CI runs a sample: two readers, and the faults that lose nothing one after the other in one run. The large run, with
eight readers and a run for each fault, is ``SEAWAY_FAULTS=large pytest -s layers/tests/faults``; what it found is in
``docs/reliability.md``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fault_stage import LARGE, Account, Process, Stage, judge

from seaway.conformance.brokers import Server
from seaway.conformance.history import Bounds

READERS, SENDERS = (8, 3) if LARGE else (2, 1)
pytestmark = pytest.mark.timeout(900)
KINDS = ("asyncio", "trio", "sync")
WITHIN = 2.0 if LARGE else 15.0
"""Seconds until traffic must flow again: the figure that is promised, or what a busy machine may take."""
RECOVERY = 3.0
"""Seconds after a fault in which an answer may still be late."""
SHARE = 0.4
"""Of all faults so many must hit calls in flight."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


Begin = Callable[..., Stage]


@pytest.fixture
def begin(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Begin]:
    stages: list[Stage] = []

    def begin(bounds: Bounds | None = None, readers: int = READERS, senders: int = SENDERS, **part: Any) -> Stage:
        stage = Stage(server, tmp_path_factory.mktemp("run"), bounds or Bounds(expiry=60, lease=30, recovery=RECOVERY))
        stages.append(stage)
        stage.begin(readers, senders, KINDS, **part)
        stage.flow()
        return stage

    yield begin
    for stage in stages:
        stage.__exit__(None, None, None)


def times(small: int, large: int) -> int:
    return large if LARGE else small


def judged(stage: Stage, within: float = WITHIN) -> Account:
    return judge(stage, at_least=max(1, int(SHARE * len(stage.faults))), within=within)


# Faults after which nothing is lost, so nobody is told so (GAP-009)


def cuts(stage: Stage) -> None:
    """L1, L2, L5, L17: every connection is cut, every 50 ms."""
    for _ in range(times(20, 400)):
        with stage.fault():
            for process in stage.processes:
                process.proxy.cut()
        time.sleep(0.05)


def half_closed(stage: Stage) -> None:
    """L6: the broker says that it sends no more."""
    for _ in range(times(3, 50)):
        with stage.fault():
            for process in stage.processes:
                process.proxy.half_close()
        time.sleep(0.1)


def lost_answers(stage: Stage) -> None:
    """L17: the broker has done what was asked, and nobody hears of it."""
    for _ in range(times(10, 300)):
        with stage.fault():
            for process in stage.processes:
                process.proxy.drop_reply()
            time.sleep(0.05)
    for process in stage.processes:
        process.proxy.restore()


def killed_by_the_broker(stage: Stage) -> None:
    """L4, L5: CLIENT KILL."""
    for _ in range(times(4, 100)):
        with stage.fault():
            stage.server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        time.sleep(0.1)


def paused(stage: Stage) -> None:
    """L7: CLIENT PAUSE."""
    for _ in range(times(1, 5)):
        with stage.fault():
            stage.server.command("CLIENT", "PAUSE", 1000, "ALL")
            time.sleep(1.0)
        stage.flow()


def frozen(stage: Stage) -> None:
    """L7: the broker is stopped, for longer than senders wait."""
    for _ in range(times(1, 3)):
        with stage.fault():
            stage.server.freeze()
            time.sleep(20.0 if LARGE else 7.5)
            stage.server.start()
        stage.flow()
        time.sleep(RECOVERY)  # an owner that rests when it thaws, and is frozen out again, would outlast its lease


def partition(stage: Stage) -> None:
    """L6: nothing passes and nothing is refused; the lease is longer."""
    with stage.fault():
        for process in stage.processes:
            process.proxy.blackhole()
        time.sleep(10.0 if LARGE else 7.5)
        for process in stage.processes:
            process.proxy.restore()


def full(stage: Stage) -> None:
    """L28: maxmemory with noeviction is a channel that is full."""
    with stage.fault():
        stage.server.command("CONFIG", "SET", "maxmemory-policy", "noeviction", "maxmemory", "1")
        time.sleep(1.0)
        stage.server.command("CONFIG", "SET", "maxmemory", "0")


MILD = (cuts, half_closed, lost_answers, killed_by_the_broker, paused, frozen, partition, full)


@pytest.mark.parametrize("faults", [(one,) for one in MILD] if LARGE else [MILD], ids=lambda faults: faults[0].__name__)
def test_faults_that_lose_nothing_are_not_told(begin: Begin, faults: tuple[Callable[[Stage], None], ...]) -> None:
    stage = begin()
    for fault in faults:
        fault(stage)
        stage.flow()
    account = judged(stage)
    assert "lost" not in account.gaps, str(account)


def test_most_receives_are_cancelled_while_connections_are_cut(begin: Begin) -> None:
    """L2: cancelled after 0 to 4 ms."""
    stage = begin(cancels=True)
    for process in stage.senders:
        process.proxy.delay(0.005)  # so that calls are in flight, however fast the machine is
    for _ in range(times(8, 150)):
        with stage.fault():
            for process in stage.processes:
                process.proxy.cut()
        time.sleep(0.1)
    stage.flow()
    account = judged(stage)
    assert "lost" not in account.gaps, str(account)


# Faults after which something is missing, and everybody who lives is told


def restarted_empty(stage: Stage) -> None:
    """L3, L5: everything at the broker is gone, and all connections with it."""
    with stage.fault():
        stage.server.kill()
        time.sleep(0.3)
        stage.server.start()


def flushed(stage: Stage) -> None:
    """L3: everything at the broker is gone, and no connection breaks."""
    with stage.fault():
        stage.server.command("FLUSHALL")


LOSSY = (restarted_empty, flushed)


@pytest.mark.parametrize(
    "faults", [(one,) for one in LOSSY] if LARGE else [LOSSY], ids=lambda faults: faults[0].__name__
)
def test_a_broker_that_loses_its_data_is_told_to_every_reader(
    begin: Begin, faults: tuple[Callable[[Stage], None], ...]
) -> None:
    stage = begin()
    count = times(1, 10)
    for _ in range(count):
        for fault in faults:
            fault(stage)
            stage.flow()
    account = judged(stage)
    assert account.gaps.get("lost", 0) >= READERS * count * len(faults), str(account)


def test_owners_that_are_cut_off_for_longer_than_the_lease_are_told(begin: Begin) -> None:
    """L6, GAP-005: senders reach the broker, owners do not."""
    stage = begin(Bounds(expiry=60, lease=2, recovery=RECOVERY))
    with stage.fault(stage.readers):
        for process in stage.readers:
            process.proxy.blackhole()
        time.sleep(10.0 if LARGE else 4.0)
        for process in stage.readers:
            process.proxy.restore()
    stage.flow()
    account = judged(stage)
    assert account.gaps.get("lost", 0) >= READERS, str(account)


def test_readers_and_a_sender_that_are_killed(begin: Begin) -> None:
    """L16, L23: SIGKILL; what was handed to them is gone, and nothing comes twice."""
    stage = begin(Bounds(expiry=60, lease=3, recovery=RECOVERY), readers=READERS + 2, senders=SENDERS + 1)
    victims: list[Process] = [*stage.readers[:2], stage.senders[0]]
    for process in victims:
        stage.killed(process)
        time.sleep(0.2)
    stage.flow()
    judged(stage)

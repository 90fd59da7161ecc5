"""Failovers of the Redis layer by Sentinels (L18): processes on asyncio, trio and threads, judged by the checker.

Each kind of failover comes in step, with a replica that lags, and with a replica that lags and readers that are behind:
then the copy lacks what the readers have not seen, and nothing in it says so. CI runs each once; the large run is
``SEAWAY_FAULTS=large pytest -s layers/tests/faults``.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

sys.path.insert(0, str(Path(__file__).parent))

from fault_stage import LARGE, Stage, judge

from seaway.conformance.brokers import Sentinels, Server
from seaway.conformance.brokers.server import HOST, until
from seaway.conformance.history import Bounds
from seaway.layers import open_layer

READERS, SENDERS, TIMES = (8, 3, 5) if LARGE else (2, 1, 1)
KINDS = ("asyncio", "trio", "sync")
WITHIN = 2.0 if LARGE else 15.0
"""Seconds until traffic must flow again: the figure that is promised, or what a busy machine may take."""
RECOVERY = 3.0
"""Seconds after a fault in which an answer may still be late."""
LAG = 0.5
"""Seconds of traffic that a replica which lags does not get."""
BEHIND = 0.05
"""Seconds between two receives of a reader that is behind."""


DOWN_AFTER = 2000
"""Milliseconds without an answer after which a master counts as down. A busy machine may keep it from answering for as
long as the half second of other tests, and then it is replaced though nobody has touched it."""


@pytest.fixture
def sentinels() -> Iterator[Sentinels]:
    with Sentinels(down_after=DOWN_AFTER) as sentinels:
        yield sentinels


@contextmanager
def watched(sentinels: Sentinels, stage: Stage) -> Iterator[None]:
    """Log all that the Sentinels do meanwhile: they may replace a master of their own accord, and that is a fault."""
    with redis.Redis(host=HOST, port=sentinels.sentinels[0].port).pubsub() as news:  # type: ignore[no-untyped-call]
        news.psubscribe(**{"*": lambda _: stage.touched()})  # type: ignore[no-untyped-call]
        thread = news.run_in_thread(sleep_time=0.1)
        try:
            yield
        finally:
            thread.stop()
            thread.join()


def cut_off(replica: Server, master: Server) -> None:
    """Let *replica* lose its link to *master*, and not come back."""
    replica.command("CONFIG", "SET", "masteruser", "nobody", "masterauth", "wrong")
    master.command("CLIENT", "KILL", "TYPE", "replica")
    until(lambda: replica.info("replication")["master_link_status"] == "down", "a replica that is cut off")
    time.sleep(LAG)


def healed(sentinels: Sentinels) -> None:
    """Return when the server that is not the master any more is its replica, and has caught up."""
    for server in sentinels.servers:
        server.start()  # if it was frozen
        server.command("CONFIG", "SET", "masteruser", "", "masterauth", "")

    def is_whole() -> bool:
        found = sentinels.replica.info("replication")
        return found["role"] == "slave" and found["master_link_status"] == "up"

    until(is_whole, "a replica of the new master", 60)


def in_step(sentinels: Sentinels) -> None:
    """Master and replica change places, both alive. Until the old master knows, it takes what nobody will get."""
    sentinels.failover()


def lagging(sentinels: Sentinels) -> None:
    """The master dies, and its replica lacks what came last; when the master is back it is nobody's any more."""
    master = sentinels.master
    cut_off(sentinels.replica, master)
    master.kill()
    sentinels.failed_over(master)
    master.start()
    master.command("REPLICAOF", HOST, sentinels.master.port)  # as Sentinels do it, in their time


def thawed(sentinels: Sentinels) -> None:
    """The master is frozen, its replica lacks what came last, and the master comes back and believes that it is one."""
    master = sentinels.master
    cut_off(sentinels.replica, master)
    master.freeze()
    sentinels.failed_over(master)


Failover = Callable[[Sentinels], None]
FAILOVERS: tuple[Failover, ...] = (in_step, lagging, thawed)
PAUSE = 0.05 if LARGE else 0.03
"""Seconds between two sends of a task: as many as the readers of a busy machine can take, so that they stay in step."""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("behind", [0.0, BEHIND], ids=["readers_in_step", "readers_behind"])
@pytest.mark.parametrize("failovers", [(one,) for one in FAILOVERS] if LARGE else [FAILOVERS])
def test_a_failover_is_told_to_every_reader(
    sentinels: Sentinels, tmp_path: Path, failovers: tuple[Failover, ...], behind: float
) -> None:
    """L18, L3, L5: what the new master lacks is announced, in its place; nothing comes twice."""
    with ExitStack() as stack:
        stage = Stage(sentinels.master, tmp_path, Bounds(expiry=60, lease=30, recovery=RECOVERY), sentinels.url)
        stack.enter_context(stage)
        stage.begin(READERS, SENDERS, KINDS, slow=behind, pause=PAUSE)
        stack.enter_context(watched(sentinels, stage))
        stage.flow()
        for failover in failovers * TIMES:
            with stage.fault():
                failover(sentinels)
                healed(sentinels)
            stage.flow()
        account = judge(stage, at_least=len(failovers) * TIMES, within=WITHIN + 20 * behind)
    assert account.gaps.get("lost", 0) >= READERS * len(failovers) * TIMES, str(account)


def test_a_connection_to_a_master_that_was_replaced_while_it_was_made_is_given_up(sentinels: Sentinels) -> None:
    """L18: the master was frozen, and when it goes on it greets whom the Sentinels have sent to it before."""
    old = sentinels.master
    old.freeze()
    layer: Any = open_layer(sentinels.url, is_async=False, send_deadline=30, namespace="late")
    thread = threading.Thread(target=layer.send, args=("work", {"type": "fault.message"}))
    thread.start()
    sentinels.failed_over(old)
    old.start()
    thread.join()
    layer.close()
    assert sentinels.master.command("LLEN", "seaway:late:n:{0}work") == 1

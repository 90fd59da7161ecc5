"""Fault runs over a Cluster (L19): slots that move, masters that die, a group's node that loses its data.

Processes on asyncio, trio and threads, judged by the history checker. CI runs each once with two readers; the large run
is ``SEAWAY_FAULTS=large pytest -s layers/tests/faults``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.crc import key_slot

sys.path.insert(0, str(Path(__file__).parent))

from fault_stage import LARGE, Account, Stage, judge
from fault_worker import CHANNELS

from seaway.conformance.brokers import Cluster, ClusterProxy, Server
from seaway.conformance.brokers.server import until
from seaway.conformance.history import Bounds, History
from seaway.layers import open_layer

READERS, SENDERS = (8, 3) if LARGE else (3, 1)
pytestmark = pytest.mark.timeout(900)
KINDS = ("asyncio", "trio", "sync")
WITHIN = 2.0 if LARGE else 15.0
"""Seconds until traffic must flow again: the figure that is promised, or what a busy machine may take."""
PAUSE = 0.05 if LARGE else 0.03
"""Seconds between two sends of a task: as many as the readers of a busy machine can take, so that they stay in step."""
HALF = 0.05
"""Seconds for which the keys of a slot that moves are half here and half there, for each of them."""
RECOVERY = 3.0
"""Seconds after a fault in which an answer may still be late."""
LAG = 0.5
"""Seconds of traffic that a replica which lags does not get."""

Begin = Callable[..., Stage]


@pytest.fixture
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    with Cluster(replicas=getattr(request, "param", 0)) as cluster:
        yield cluster


@pytest.fixture
def begin(cluster: Cluster, tmp_path: Path) -> Iterator[Begin]:
    stages: list[Stage] = []

    def begin(bounds: Bounds | None = None, is_proxied: bool = False, **part: Any) -> Stage:
        bounds = bounds or Bounds(expiry=60, lease=30, capacity=10_000, recovery=RECOVERY)
        stage = Stage(cluster, tmp_path, bounds, "" if is_proxied else cluster.url)
        stages.append(stage)
        stage.begin(READERS, SENDERS, KINDS, **{"pause": PAUSE, **part})
        stage.flow()
        return stage

    yield begin
    for stage in stages:
        stage.__exit__(None, None, None)


def times(small: int, large: int) -> int:
    return large if LARGE else small


def undelivered(stage: Stage) -> int:
    """Return how many messages were accepted for normal channels and never came."""
    history = History(stage._events(), stage.bounds)
    accepted = {send.first.message for send in history.of("send") if send.returned and send.channel in CHANNELS}
    return len(accepted - {call.came for call in history.received})


def slot_of(tag: str) -> int:
    return key_slot(f"{{{tag}}}".encode())


def move(cluster: Cluster, tag: str) -> None:
    """Move the slot of *tag* to the next master, key by key."""
    masters = cluster.masters
    here = masters.index(cluster.node_of(f"{{{tag}}}"))
    assert cluster.move(slot_of(tag), masters[(here + 1) % len(masters)], pause=HALF) > 0


def test_slots_move_key_by_key_and_nothing_is_lost(cluster: Cluster, begin: Begin) -> None:
    """L19: that of each inbox, of the group, and of the normal channels, under load.

    Nothing expires, for a reader that cannot keep up with a busy machine would let it, and that is no loss of a move.
    """
    stage = begin(Bounds(expiry=3600, lease=30, capacity=10_000, recovery=RECOVERY))
    tags = [*(process.inbox for process in stage.readers), "room", "0"]
    for _ in range(times(1, 8)):
        for tag in tags:
            with stage.fault():
                move(cluster, tag)
            stage.flow()
    redirects = {name: cluster.errors(name) for name in ("MOVED", "ASK", "TRYAGAIN")}
    account = judge(stage, at_least=len(stage.faults) * 3 // 4, within=WITHIN)
    print(redirects)
    assert all(redirects.values()), f"the moves have hit nothing: {redirects}"
    assert not account.gaps, str(account)
    assert undelivered(stage) == 0


def test_connections_to_all_nodes_are_cut_while_a_slot_moves_and_nothing_is_lost(
    cluster: Cluster, begin: Begin
) -> None:
    """L1, L5, L17, L19: every 50 ms."""
    stage = begin(is_proxied=True)
    for number in range(times(10, 200)):
        with stage.fault():
            for process in stage.processes:
                process.proxy.cut()
        if number % 5 == 0:
            move(cluster, stage.readers[0].inbox)
        time.sleep(0.05)
    stage.flow()
    account = judge(stage, at_least=len(stage.faults) // 2, within=WITHIN)
    assert "lost" not in account.gaps, str(account)


def killed(cluster: Cluster, master: Server) -> None:
    """The master dies; its replica is in step."""
    master.kill()


def lagging(cluster: Cluster, master: Server) -> None:
    """The master dies, and its replica lacks what came last."""
    cut_off(cluster, master)
    master.kill()


def thawed(cluster: Cluster, master: Server) -> None:
    """The master is frozen, its replica lacks what came last; later the master is back, and sends all away."""
    cut_off(cluster, master)
    master.freeze()


def cut_off(cluster: Cluster, master: Server) -> None:
    for replica in replicas_of(cluster, master):
        replica.command("CONFIG", "SET", "masteruser", "nobody", "masterauth", "wrong")
    master.command("CLIENT", "KILL", "TYPE", "replica")
    time.sleep(LAG)


def replicas_of(cluster: Cluster, master: Server) -> list[Server]:
    return [one for one in cluster.servers if one.info("replication").get("master_port") == str(master.port)]


def failed_over(cluster: Cluster, master: Server, tag: str) -> None:
    """Return when another node than *master* has the slot of *tag*, and all is served."""
    others = [server for server in cluster.servers if server is not master]

    def has_changed() -> bool:
        for server in others:
            slots = server.command("CLUSTER", "SLOTS")
            owner = next(entry[2][1] for entry in slots if entry[0] <= slot_of(tag) <= entry[1])
            if owner == master.port or "cluster_state:ok" not in server.command("CLUSTER", "INFO"):
                return False
        return True

    until(has_changed, "a failover of a Cluster", 60)


def healed(cluster: Cluster) -> None:
    """Return when every node runs and every replica is in step."""
    cluster.start()
    for server in cluster.servers:
        server.command("CONFIG", "SET", "masteruser", "", "masterauth", "")
    links = lambda: [one.info("replication") for one in cluster.servers]  # noqa: E731
    until(lambda: all(one["role"] == "master" or one["master_link_status"] == "up" for one in links()), "replicas", 60)


def took_back(cluster: Cluster, replica: Server, tag: str) -> None:
    """Let *replica* change places with the master that has the slot of *tag*; return when it has."""
    asked = float("-inf")

    def has_changed() -> bool:
        nonlocal asked
        if cluster.node_of(f"{{{tag}}}") is replica:
            return True
        if time.monotonic() > asked + 6:  # the nodes give an attempt up after 5 seconds
            asked = time.monotonic()
            replica.command("CLUSTER", "FAILOVER")
        return False

    until(has_changed, "a failover back", 60)


Death = Callable[[Cluster, Server], None]
DEATHS: tuple[Death, ...] = (killed, lagging, thawed)


def judged_deaths(cluster: Cluster, stage: Stage, deaths: tuple[Death, ...], slow: float) -> Account:
    """Let the masters of each reader's inbox, of the group and of the normal channels die in turn."""
    tags = [process.inbox for process in stage.readers][: times(1, 3)] + ["room", "0"][: times(1, 2)]
    for death in deaths:
        for tag in tags:
            master = cluster.node_of(f"{{{tag}}}")
            with stage.fault():
                death(cluster, master)
                failed_over(cluster, master, tag)
            stage.flow()
            with stage.fault():
                healed(cluster)
            stage.flow()
    return judge(stage, at_least=len(deaths) * len(tags), within=WITHIN + 20 * slow)


@pytest.mark.parametrize("cluster", [1], indirect=True, ids=[""])
@pytest.mark.parametrize("deaths", [(one,) for one in DEATHS] if LARGE else [DEATHS], ids=lambda some: some[0].__name__)
def test_a_master_that_dies_is_told_to_those_whose_inboxes_it_had(
    cluster: Cluster, begin: Begin, deaths: tuple[Death, ...]
) -> None:
    """L18, L19: what the replica lacks is announced, in its place; nothing comes twice."""
    account = judged_deaths(cluster, begin(), deaths, 0.0)
    assert account.gaps.get("lost", 0) >= len(deaths), str(account)


@pytest.mark.parametrize("cluster", [1], indirect=True, ids=[""])
def test_a_master_that_dies_while_readers_are_behind(cluster: Cluster, begin: Begin) -> None:
    """L18: then the copy lacks what the readers have not seen, and nothing in it says so."""
    account = judged_deaths(cluster, begin(slow=0.05), (lagging, thawed) if LARGE else (lagging,), 0.05)
    assert account.gaps.get("lost", 0) >= 1, str(account)


@pytest.mark.parametrize("cluster", [1], indirect=True, ids=[""])
def test_a_failover_there_and_back_that_an_owner_has_not_seen_is_told(cluster: Cluster) -> None:
    """L18: the same node as before, and no redirect; what it has is not what it had."""
    message = {"type": "fault.message"}
    with ClusterProxy(cluster) as proxy:
        owner: Any = open_layer(proxy.url, is_async=False, send_deadline=15.0)
        sender: Any = open_layer(cluster.url, is_async=False, send_deadline=15.0)
        with owner, sender:
            inbox = owner.new_channel("fault!")
            sender.send(f"{inbox}1", {**message, "id": 1})
            assert owner.receive([inbox], 15)[1]["id"] == 1
            proxy.blackhole()
            master = cluster.node_of(f"{{{inbox}}}")
            cut_off(cluster, master)
            sender.send(f"{inbox}1", {**message, "id": 2})  # nobody will ever have it
            master.kill()
            failed_over(cluster, master, inbox)
            healed(cluster)
            took_back(cluster, master, inbox)
            proxy.restore()
            sender.send(f"{inbox}1", {**message, "id": 3})
            came = [owner.receive([inbox], 15)[1] for _ in range(2)]
    assert [(one["type"], one.get("id")) for one in came] == [("layer.gap", None), ("fault.message", 3)]


def test_a_groups_node_that_loses_its_data_is_noticed_within_a_third_of_the_lease(
    cluster: Cluster, begin: Begin, tmp_path: Path
) -> None:
    """L3: the inboxes are elsewhere, and nothing of theirs is gone."""
    lease = 6.0
    found = lease / 3 + WITHIN
    stage = begin(Bounds(expiry=60, lease=lease, capacity=10_000, found=found, recovery=RECOVERY))
    node = cluster.node_of("{room}")
    other = next(server for server in cluster.masters if server is not node)
    for tag in [*(process.inbox for process in stage.readers), "0"]:
        if cluster.node_of(f"{{{tag}}}") is node:
            cluster.move(slot_of(tag), other)
    stage.flow()
    key = f"seaway:{tmp_path.name}:g:{{room}}"
    took = []
    for _ in range(times(1, 10)):
        with stage.fault():
            begun = time.monotonic()
            node.command("FLUSHALL")
            until(lambda: node.command("ZCARD", key) == READERS, "memberships that are restored", 60)
            took.append(time.monotonic() - begun)
        stage.flow()
    account = judge(stage, at_least=len(took), within=WITHIN)
    print("restored after", ", ".join(f"{seconds:.2f}" for seconds in took), "s")
    assert max(took) <= (lease / 3 if LARGE else 15.0), took
    assert account.gaps.get("lost", 0) >= READERS * len(took), str(account)

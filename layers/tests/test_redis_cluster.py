"""A Redis layer over a Cluster of three masters: everything works wherever its slot is, and while slots move."""

from __future__ import annotations

import itertools
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from threading import RLock
from typing import Any

import anyio
import anyio.to_thread
import pytest
from redis.crc import key_slot

from seaway.conformance.brokers import Cluster, ClusterProxy, Server, redis_binary, valkey_binary
from seaway.layers import open_layer
from seaway.layers.redis import RedisLayer, SyncRedisLayer
from seaway.layers.redis import _cluster as clusters
from seaway.layers.redis._chart import Chart, Redirect, read_redirect, slot_of
from seaway.layers.redis._connection import Refusal
from seaway.layers.redis._greeting import History
from seaway.layers.redis._jobs import MOST_WAITING
from seaway.layers.redis._scripts import SEND
from seaway.layers.redis._settings import RedisOptions
from seaway.layers.redis._streams import Address
from seaway.layers.redis.inspect import snapshot
from seaway.layers.redis.keys import TAG, Keys, tag_in

pytestmark = pytest.mark.anyio
LOST = {"type": "layer.gap", "reason": "lost", "dropped": None}
Make = Callable[..., RedisLayer]
_namespaces = itertools.count()


@pytest.fixture(scope="module", params=[valkey_binary, redis_binary], ids=["valkey", "redis"])
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A Cluster of Valkey, and of the system's Redis, whose nodes may know nothing of shards."""
    binary = request.param()
    if binary is None:
        pytest.skip("the system has no redis-server")
    with Cluster(binary=binary) as cluster:
        yield cluster


@pytest.fixture
def options(cluster: Cluster) -> dict[str, Any]:
    """How to reach it; a machine that is busy is no node that is away."""
    nodes = [f"127.0.0.1:{server.port}" for server in cluster.servers]
    return {"nodes": nodes[:1], "namespace": f"t{next(_namespaces)}", "send_deadline": 15.0, "capacity": 100_000}


@pytest.fixture
async def make(options: dict[str, Any]) -> AsyncIterator[Make]:
    made: list[RedisLayer] = []

    def make_layer(**more: Any) -> RedisLayer:
        made.append(RedisLayer(**{**options, **more}))
        return made[-1]

    yield make_layer
    for layer in made:
        await layer.close()


def numbered(number: int) -> dict[str, Any]:
    return {"type": "test.message", "number": number}


def move(cluster: Cluster, slot: int) -> Any:
    """Move *slot* to a node that has not got it, from another thread, and return how many keys went."""
    key = next(f"{{{number}}}" for number in itertools.count() if slot_of(str(number)) == slot)
    masters = [server for server in cluster.servers[:3] if server is not cluster.node_of(key)]
    return anyio.to_thread.run_sync(partial(cluster.move, slot, masters[0]))


async def test_inboxes_groups_and_channels_work_wherever_they_are(make: Make) -> None:
    one, other = make(), make()
    inboxes = [await one.new_channel("here!") for _ in range(6)]  # on more than one node, all but certainly
    for inbox in inboxes:
        await one.group_add("room", f"{inbox}1")
    for number, inbox in enumerate(inboxes):
        await other.send(f"{inbox}1", numbered(number))
        assert await one.receive([inbox], 10) == (f"{inbox}1", numbered(number))
    await other.send_group("room", numbered(10))
    for inbox in inboxes:
        assert await one.receive([inbox], 10) == (f"{inbox}1", numbered(10))
    await other.send("work", numbered(11))
    assert await one.receive(["work", inboxes[0]], 10) == ("work", numbered(11))
    await one.group_discard("room", f"{inboxes[0]}1")
    await other.send_group("room", numbered(12))
    assert await one.receive([inboxes[0]], 0) == (None, None)
    assert await one.receive([inboxes[1]], 10) == (f"{inboxes[1]}1", numbered(12))
    await other.send(f"{inboxes[0]}1", numbered(13))
    await one.close_channel(inboxes[0])
    await other.send(f"{inboxes[0]}1", numbered(14))
    assert (await other.statistics())["dropped"]["unknown"] == 1  # type: ignore[index]


def test_a_synchronous_object_works_as_well(cluster: Cluster, options: dict[str, Any]) -> None:
    url = f"{cluster.url}?namespace={options['namespace']}"
    with SyncRedisLayer(**options) as one, open_layer(url, is_async=False, send_deadline=15.0) as other:
        inboxes = [one.new_channel("here!") for _ in range(4)]
        for inbox in inboxes:
            one.group_add("room", f"{inbox}1")
        other.send_group("room", numbered(1))
        other.send("work", numbered(2))
        for inbox in inboxes:
            assert one.receive([inbox], 10) == (f"{inbox}1", numbered(1))
        assert one.receive(["work"], 10) == ("work", numbered(2))
        other.send(f"{inboxes[0]}1", numbered(3))
        other.send("work", numbered(4))
        seen = snapshot(other)
        assert {state.name for state in seen.inboxes} == set(inboxes)
        assert [(state.name, state.pending) for state in seen.channels] == [("work", 1)]
        assert [(state.name, set(state.inboxes)) for state in seen.groups] == [("room", set(inboxes))]
        other.flush()
        assert one.receive([inboxes[0]], 10)[1]["type"] == "layer.gap"  # type: ignore[index]
        assert one.receive(["work"], 0) == (None, None)


@pytest.mark.parametrize("what", ["inbox", "group", "channels"])
async def test_a_slot_moves_key_by_key_and_nothing_is_lost(cluster: Cluster, make: Make, what: str) -> None:
    one, other = make(), make()
    inbox = await one.new_channel("here!")
    await one.group_add("room", f"{inbox}1")
    slot = slot_of({"inbox": inbox, "group": "room", "channels": TAG}[what])
    sent: list[int] = []
    came: list[int] = []
    is_over, all_sent = False, anyio.Event()

    async def send() -> None:
        for number in itertools.count():
            if is_over:
                all_sent.set()
                return
            if what == "group":
                await other.send_group("room", numbered(number))
            else:
                await other.send(f"{inbox}1" if what == "inbox" else "work", numbered(number))
            sent.append(number)

    async def receive() -> None:
        while not all_sent.is_set() or len(came) < len(sent):
            _, message = await one.receive(["work" if what == "channels" else inbox], 0.2)
            if message is not None:
                assert message["type"] == "test.message", message
                came.append(message["number"])

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send)
            tasks.start_soon(receive)
            for _ in range(3):
                assert await move(cluster, slot) > 0
                before = len(came)
                while len(came) <= before + 50:
                    await anyio.sleep(0.01)
            is_over = True
    assert came == sent
    assert (await one.statistics())["dropped"]["lost"] == 0  # type: ignore[index]


async def test_data_lost_at_a_node_is_told_to_those_whose_data_it_was(cluster: Cluster, make: Make) -> None:
    one = make(lease=3.0)
    there: dict[Any, str] = {}
    while len(there) < 3:
        inbox = await one.new_channel("here!")
        there.setdefault(cluster.node_of(f"{{{inbox}}}"), inbox)
    hit, *others = there
    hit.command("FLUSHALL")
    assert await one.receive([there[hit]], 10) == (there[hit], LOST)
    for node in others:
        assert await one.receive([there[node]], 0) == (None, None)
    for inbox in there.values():
        await one.send(f"{inbox}1", numbered(1))
        assert await one.receive([inbox], 10) == (f"{inbox}1", numbered(1))


@pytest.mark.req("GRP-013")
async def test_a_group_lost_at_its_node_alone_is_told_and_restored(cluster: Cluster, make: Make) -> None:
    one, other = make(lease=3.0), make()
    inbox = await one.new_channel("here!")
    node = cluster.node_of(f"{{{inbox}}}")
    group = next(f"g{number}" for number in itertools.count() if cluster.node_of(f"{{g{number}}}") is not node)
    await one.group_add(group, f"{inbox}1")
    cluster.node_of(f"{{{group}}}").command("FLUSHALL")
    assert await one.receive([inbox], 10) == (inbox, LOST)
    await other.send_group(group, numbered(1))
    assert await one.receive([inbox], 10) == (f"{inbox}1", numbered(1))


def answer_once(layer: Any, inbox: str, text: str) -> list[Any]:
    """Let the node of *inbox* answer *text* to the next send; return a list that grows with every send there."""
    connection = layer._engine.cluster.lane_of(inbox).connection
    answer = Refusal(text.format(slot=slot_of(inbox), node=connection.address))
    working, asked = connection.run, []

    async def run(commands: Any, timeout: float) -> list[Any]:
        if any(command[:2] == ("EVALSHA", SEND.sha) for command in commands):
            asked.append(commands)
            if len(asked) == 1:
                return [answer] * len(commands)
        replies: list[Any] = await working(commands, timeout)
        return replies

    connection.run = run
    return asked


@pytest.mark.parametrize(
    "text", ["MOVED {slot} {node}", "ASK {slot} {node}", "TRYAGAIN", "CLUSTERDOWN", "READONLY", "LOADING", "NOSCRIPT"]
)
async def test_a_node_that_did_nothing_is_asked_once_more(cluster: Cluster, make: Make, text: str) -> None:
    """L19: each of these answers costs one more attempt."""
    layer = make()
    inbox = await layer.new_channel("here!")
    asked = answer_once(layer, inbox, text)
    await layer.send(f"{inbox}1", numbered(1))
    assert await layer.receive([inbox], 10) == (f"{inbox}1", numbered(1))
    assert len(asked) <= 2, f"asked {len(asked)} times on the same connection"


async def test_a_redirect_to_where_too_much_waits_already_raises(cluster: Cluster, make: Make) -> None:
    layer = make()
    inbox = await layer.new_channel("here!")
    chart = layer._engine.cluster.chart
    here = layer._engine.cluster.lane_of(inbox)
    elsewhere = layer._engine.cluster.lane_at(next(node for node in chart.masters if node != here.address))
    elsewhere.queue._bytes = MOST_WAITING + 1
    answer_once(layer, inbox, f"ASK {slot_of(inbox)} {elsewhere.address}")
    with pytest.raises(ConnectionError, match="too many messages wait"):
        await layer.send(f"{inbox}1", numbered(1))


async def test_nothing_is_broadcast_to_all_nodes(cluster: Cluster, make: Make) -> None:
    """L20: a message costs the nodes of its inboxes, and no others."""
    one, other = make(), make()
    inbox = await one.new_channel("here!")
    await one.group_add("room", f"{inbox}1")
    for number in range(20):
        await other.send_group("room", numbered(number))
        assert await one.receive([inbox], 10) == (f"{inbox}1", numbered(number))
    for server in cluster.servers:
        assert "publish" not in server.command("CLUSTER", "INFO")


async def test_a_user_needs_the_rights_that_the_documentation_lists(
    cluster: Cluster, make: Make, options: dict[str, Any]
) -> None:
    for server in cluster.servers:
        rights = ("~shop:*", "resetchannels", "+@all", "-@dangerous", "+info")
        server.command("ACL", "SETUSER", "anna", "on", ">word", *rights)
    layer = make(username="anna", password="word", prefix="shop:")
    inbox = await layer.new_channel("here!")
    await layer.group_add("room", f"{inbox}1")
    await layer.send_group("room", numbered(1))
    await layer.send("work", numbered(2))
    assert await layer.receive([inbox], 10) == (f"{inbox}1", numbered(1))
    assert await layer.receive(["work"], 10) == ("work", numbered(2))
    await layer.flush()
    with pytest.raises(ConnectionError, match="WRONGPASS"):
        await make(username="anna", password="other").send("work", numbered(3))


async def test_every_node_is_reached_over_tls(cluster: Cluster, tmp_path: Path, options: dict[str, Any]) -> None:
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    # The brokers speak no TLS; the proxies in front of them do.
    with ClusterProxy(cluster, tls=context) as proxy:
        url = f"{proxy.url}?tls_ca={tmp_path}/ca.pem&namespace={options['namespace']}"
        async with open_layer(url, is_async=True, send_deadline=15.0) as layer:
            inboxes = [await layer.new_channel("here!") for _ in range(6)]
            for inbox in inboxes:
                await layer.group_add("room", f"{inbox}1")
            await layer.send_group("room", numbered(1))
            for inbox in inboxes:
                assert await layer.receive([inbox], 10) == (f"{inbox}1", numbered(1))


async def test_a_place_that_is_no_cluster_is_named_in_the_error() -> None:
    with Server() as server:
        layer = RedisLayer(nodes=[f"127.0.0.1:{server.port}"], send_deadline=0.5)
        with pytest.raises(ConnectionError, match=f"{server.port}: ERR This instance has cluster"):
            async with layer:
                pass


# What needs no Cluster


def test_a_slot_is_that_of_the_hash_tag() -> None:
    keys = Keys("seaway:", "shop")
    for name in ("here.x7!", "room", "0"):
        key = keys.group(name)
        assert tag_in(key) == name
        assert slot_of(tag_in(key)) == key_slot(key.encode())


def test_redirects_are_read_and_other_errors_are_none() -> None:
    asked = Address("one", 7000)
    assert read_redirect("MOVED 3999 two:7001", asked) == Redirect(3999, Address("two", 7001), False)
    assert read_redirect("ASK 3999 ::1:7001", asked) == Redirect(3999, Address("::1", 7001), True)
    assert read_redirect("MOVED 3999 :7001", asked) == Redirect(3999, Address("one", 7001), False)
    for text in (
        "TRYAGAIN Multiple keys",
        "MOVED",
        "MOVED x two:1",
        "MOVED 1 two",
        "MOVED 99999 two:1",
        "ERR ASK 1 a:1",
    ):
        assert read_redirect(text, asked) is None


def test_a_chart_knows_what_it_was_told_last() -> None:
    seed = Address("seed", 1)
    chart = Chart([seed])
    assert (chart.of("room"), chart.of(""), chart.whom()) == (None, None, [seed])
    chart.read([[0, 8191, [b"", 7000, b"x"], [b"b", 7003, b"y"]], [8192, 16383, [b"c", 7001, b"z"]]], seed)
    first, second, replica = Address("seed", 7000), Address("c", 7001), Address("b", 7003)
    assert chart.masters == [first, second]
    assert chart.of("room") == (first if slot_of("room") < 8192 else second)
    chart.silent(first)
    assert chart.whom() == [replica, second, first, seed]
    chart.learn(Redirect(slot_of("room"), replica, asks=True))
    assert chart.of("room") != replica
    chart.learn(Redirect(slot_of("room"), replica, asks=False))
    assert chart.of("room") == replica
    with pytest.raises(ConnectionError, match="no cluster"):
        chart.read("ERR no cluster", seed)


class Surveyed:
    """A link to a Cluster of one node, which counts how often it is asked who has which slot."""

    def __init__(self) -> None:
        self.lock = RLock()
        self.times: list[float] = []

    async def connect(self, address: Address, timeout: float) -> Any:
        self.times.append(time.monotonic())
        return self

    async def run(self, commands: Any, timeout: float) -> list[Any]:
        return [[[0, 16383, [b"one", 7000, b"x"]]]]

    async def close(self) -> None:
        """Nothing."""

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


async def test_who_has_failed_is_not_told_what_was_known_before() -> None:
    link = Surveyed()
    nodes = clusters.Cluster(link, RedisOptions(nodes=("one:7000",)))  # type: ignore[arg-type]
    await nodes.survey()
    await nodes.survey()
    assert len(link.times) == 1, "a moment ago is now, for who has not failed"
    failed = time.monotonic()
    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(nodes.survey_since, failed)
    first, second = link.times
    assert second > failed
    assert second - first >= clusters._SURVEY_SECONDS
    await nodes.survey_since(failed)
    assert len(link.times) == 2, "one answer is enough for all who have failed before it"


def test_a_move_is_told_from_a_failover() -> None:
    known = History("run", "a", "0", "shard1")
    assert History("run2", "b", "0", "shard2").is_move(known, is_redirected=False)
    assert not History("run2", "b", "a", "shard1").is_move(known, is_redirected=True)
    assert not History("run2", "c", "b", "shard1").is_move(known, is_redirected=True)  # there and back
    old = History("run", "a", "0", "")  # nodes that know nothing of shards
    assert History("run2", "b", "0", "").is_move(old, is_redirected=True)
    assert not History("run2", "b", "0", "").is_move(old, is_redirected=False)
    assert not History("run2", "b", "a", "").is_move(old, is_redirected=True)
    assert not History("run2", "b", "0").is_move(History("run", "a", "0"), is_redirected=True)

"""Sequences of faults that broke a sketch of the Redis layer, by the numbers of the design. The others are in
``test_redis_layer.py`` (3, 7 to 10) and ``faults/`` (11)."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import pytest

from seaway.conformance.brokers import FaultProxy, Server
from seaway.conformance.brokers.server import until
from seaway.layers.redis import RedisLayer

pytestmark = pytest.mark.anyio

ROUNDS = 3 if os.environ.get("SEAWAY_FAULTS") == "large" else 1
LOST = {"type": "layer.gap", "reason": "lost", "dropped": None}


def numbered(number: int) -> dict[str, Any]:
    return {"type": "test.message", "number": number}


async def all_of(layer: RedisLayer, inbox: str, seconds: float = 0.2) -> list[tuple[str, dict[str, Any]]]:
    """Return all that comes, each with the local part of its channel."""
    got = []
    while (received := await layer.receive([inbox], seconds))[0] is not None:
        got.append((received[0][len(inbox) :], received[1]))
    return got


@pytest.fixture
def servers() -> Iterator[tuple[Server, Server]]:
    """A master and its replica."""
    with Server() as master, Server() as replica:
        replica.follow(master)
        yield master, replica


def cut_off(replica: Server, master: Server) -> None:
    """Let *replica* miss what comes from now on."""
    replica.command("CONFIG", "SET", "masteruser", "nobody", "masterauth", "wrong")
    master.command("CLIENT", "KILL", "TYPE", "replica")
    until(lambda: replica.info("replication")["master_link_status"] == "down", "a replica that is cut off")


def changed_places(master: Server, replica: Server) -> None:
    """Let *replica* be the master, and the other way round."""
    replica.promote()
    replica.command("CONFIG", "SET", "masteruser", "", "masterauth", "")
    master.follow(replica)


Failover = Callable[[Server, Server], Server]


def promoted(master: Server, replica: Server) -> Server:
    """The master is frozen, the replica promoted, the master thaws. Return who is the master then."""
    master.freeze()
    replica.promote()
    master.start()
    return replica


def there_and_back(master: Server, replica: Server) -> Server:
    """The replica is promoted, the master follows it, and both change places again."""
    changed_places(master, replica)
    changed_places(replica, master)
    return master


@asynccontextmanager
async def member_of_a_room(master: Server) -> AsyncIterator[tuple[FaultProxy, FaultProxy, RedisLayer, RedisLayer, str]]:
    """The proxies of an owner and of a sender, both layers, and the owner's inbox, which has room for two messages."""
    with FaultProxy(master) as proxy, FaultProxy(master) as other:
        async with RedisLayer(port=proxy.port, inbox_capacity=2) as layer, RedisLayer(port=other.port) as sender:
            inbox = await layer.new_channel("here!")
            await layer.group_add("room", f"{inbox}1")
            yield proxy, other, layer, sender, inbox


@pytest.mark.parametrize("failover", [promoted, there_and_back])
@pytest.mark.req("GAP-010")
async def test_a_failover_is_told_though_the_copy_lacks_what_the_owner_has_not_seen(
    servers: tuple[Server, Server], failover: Failover
) -> None:
    """1 and 2: owner behind and replica behind; and there and back between two connections, so the same server."""
    master, replica = servers
    with FaultProxy(master) as proxy, FaultProxy(master) as other:
        async with RedisLayer(port=proxy.port) as layer, RedisLayer(port=other.port) as sender:
            inbox = await layer.new_channel("here!")
            await layer.group_add("room", f"{inbox}1")
            await sender.send(f"{inbox}1", numbered(1))
            assert await all_of(layer, inbox) == [("1", numbered(1))]
            replica.catch_up(master)
            cut_off(replica, master)
            proxy.blackhole()
            await sender.send(f"{inbox}1", numbered(2))
            target = failover(master, replica)
            for one in (proxy, other):
                one.aim(target)
            proxy.restore()
            assert await layer.receive([inbox], 10) == (inbox, LOST)
            with suppress(ConnectionError):  # its connection was cut
                await sender.send_group("other", numbered(0))
            await sender.send_group("room", numbered(3))
            assert await all_of(layer, inbox) == [("1", numbered(3))]


@pytest.mark.req("GAP-002")
async def test_what_found_no_room_behind_the_copys_last_message_is_told_after_a_failover(
    servers: tuple[Server, Server],
) -> None:
    """The owner has seen nothing of it, so it is no part of the loss that is told before what can still be read."""
    master, replica = servers
    async with member_of_a_room(master) as (proxy, _, layer, sender, inbox):
        proxy.blackhole()
        for number in range(5):
            await sender.send_group("room", numbered(number))
        replica.catch_up(master)
        proxy.aim(promoted(master, replica))
        proxy.restore()
        assert await layer.receive([inbox], 10) == (inbox, LOST)
        got = await all_of(layer, inbox)
    overflow = {"type": "layer.gap", "reason": "overflow", "dropped": 3}
    assert got == [("1", numbered(0)), ("1", numbered(1)), ("", overflow)]


@pytest.mark.req("GAP-008")
async def test_an_overflow_that_was_told_before_a_failover_is_not_told_by_the_copy_again(
    servers: tuple[Server, Server],
) -> None:
    """The copy still had it to tell, and told it in front of its next message before the owner attached."""
    master, replica = servers
    async with member_of_a_room(master) as (proxy, other, layer, sender, inbox):
        own = layer._engine.inboxes[inbox]
        for number in range(5):
            await sender.send_group("room", numbered(number))
        replica.catch_up(master)
        cut_off(replica, master)
        got = await all_of(layer, inbox)
        assert got[2:] == [("", {"type": "layer.gap", "reason": "overflow", "dropped": 3})]
        proxy.blackhole()
        other.aim(promoted(master, replica))
        header, payload = replica.command("XRANGE", own.stream, "-", "+")[0][1]
        for field, value in (("o", "3"), (header, payload.encode("utf-8", "surrogateescape"))):
            replica.command("XADD", own.stream, "*", field, value)
        replica.command("HSET", own.hash, "d", 0)
        proxy.aim(replica)
        proxy.restore()
        assert await layer.receive([inbox], 10) == (inbox, LOST)
        assert await all_of(layer, inbox) == [("1", numbered(0))]


async def test_news_of_an_overflow_comes_once_whoever_joins_and_leaves_meanwhile(redis: Any) -> None:
    """4: members come and go while the inbox is full."""
    layer, sender = redis.layer(inbox_capacity=2), redis.layer()
    inbox = await layer.new_channel("here!")
    for member in "12":
        await layer.group_add("room", inbox + member)
    for number in range(2):
        await sender.send(f"{inbox}1", numbered(number))
    for round_ in range(3):
        await sender.send_group("room", numbered(10 + round_))
        await layer.group_discard("room", f"{inbox}{round_ % 2 + 1}")
        await sender.send_group("room", numbered(20 + round_))
        await layer.group_add("room", f"{inbox}{round_ + 3}")
    await layer.close_channel(f"{inbox}1")
    overflow = {"type": "layer.gap", "reason": "overflow", "dropped": 6}
    assert await all_of(layer, inbox) == [("1", numbered(0)), ("1", numbered(1)), ("", overflow)]
    await sender.send_group("room", numbered(30))
    assert sorted(await all_of(layer, inbox)) == [(member, numbered(30)) for member in "345"]


async def test_a_reader_that_was_stopped_while_many_channels_rang_gets_everything(redis: Any) -> None:
    """5: more channels ring while the reader cannot hear than the bell stream keeps, which is 1,000 and a few."""
    reader, sender = redis.layer(), redis.sync_layer(capacity=10)
    names = [f"work{number}" for number in range(3000 if ROUNDS > 1 else 1500)]
    got: list[Any] = []

    async def read(sources: list[str]) -> None:
        while True:
            got.append(await reader.receive(sources))

    with anyio.fail_after(100):
        async with anyio.create_task_group() as tasks:
            for begin in range(0, len(names), 100):
                tasks.start_soon(read, names[begin : begin + 100])
            while (engine := redis.engine(reader)) is None or engine.lines.bell is None:
                await anyio.sleep(0.01)
            for round_ in range(ROUNDS):
                with engine.lock:  # it and the event loop are held, so the reader is stopped
                    for name in names:
                        sender.send(name, {"type": "test.message", "for": name, "round": round_})
                await anyio.sleep(0.5)
            while len(got) < ROUNDS * len(names):
                await anyio.sleep(0.05)
            tasks.cancel_scope.cancel()
    assert all(channel == message["for"] for channel, message in got)
    assert len({(channel, message["round"]) for channel, message in got}) == len(got) == ROUNDS * len(names)


@pytest.mark.req("GAP-011")
async def test_memberships_that_lapsed_while_the_heartbeat_stood_still_are_told(broker: Server, redis: Any) -> None:
    """6: a loop, or a reader's thread, that is held for longer than the lease; nothing comes before the news."""
    layer = redis.layer(lease=1)
    inbox = await layer.new_channel("here!")
    await layer.group_add("room", f"{inbox}1")
    with redis.engine(layer).lock:
        time.sleep(3)  # noqa: ASYNC251 - that is the fault
    assert await layer.receive([inbox], 10) == (inbox, LOST)
    with anyio.fail_after(30):
        while ("1", numbered(1)) not in await all_of(layer, inbox):
            await layer.send_group("room", numbered(1))


@pytest.mark.req("GAP-011")
async def test_memberships_that_a_step_of_the_brokers_clock_ended_are_told(broker: Server, redis: Any) -> None:
    """6: what a clock that steps 25 seconds does to a set: every score in it is past."""
    layer = redis.layer(lease=2)
    inbox = await layer.new_channel("here!")
    await layer.group_add("room", f"{inbox}1")
    now = int(broker.command("TIME")[0])
    broker.command("ZADD", redis.keys.group("room"), "XX", (now - 25) * 1000, inbox)
    assert await layer.receive([inbox], 10) == (inbox, LOST)
    await layer.send_group("room", numbered(1))
    assert await all_of(layer, inbox) == [("1", numbered(1))]


@pytest.mark.req("GRP-012")
async def test_two_joins_at_once_hold_when_they_return_though_the_first_is_slow(broker: Server, redis: Any) -> None:
    """7: the second join must not return while the first is still on its way."""
    with FaultProxy(broker) as proxy:
        layer, sender = redis.layer(port=proxy.port), redis.layer()
        inbox = await layer.new_channel("here!")
        proxy.delay(0.1)

        async def join(member: str) -> None:
            await layer.group_add("room", inbox + member)
            await sender.send_group("room", {"type": "test.message", "for": member})

        async with anyio.create_task_group() as tasks:
            for member in "12":
                tasks.start_soon(join, member)
        proxy.restore()
        got = await all_of(layer, inbox, 0.5)
        assert {member for member, message in got if message["for"] == member} == {"1", "2"}
        await layer.close()


async def test_a_receive_that_cannot_wait_for_a_slow_broker_costs_no_send_its_answer(
    broker: Server, redis_in_a_loop: Any
) -> None:
    """A broker that takes longer than a short ``receive`` waits, and not as long as a ``send`` does.

    Threads exchange one batch after the other: two would take longer than a ``send`` does.
    """
    with FaultProxy(broker) as proxy:
        layer = redis_in_a_loop.layer(port=proxy.port, send_deadline=8)
        inbox = await layer.new_channel("here!")
        proxy.delay(2.2)  # each way: longer than half of `send_deadline`
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(layer.receive, [inbox], 0.1)
            await layer.send("work", numbered(1))
        proxy.restore()
        assert await layer.receive(["work"], 30) == ("work", numbered(1))
        await layer.close()

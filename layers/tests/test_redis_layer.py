"""The Redis layer against a real broker: what its keys hold, and the sequences that broke a sketch of it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import anyio
import pytest

from seaway.conformance.brokers import Server
from seaway.layers import ChannelFull
from seaway.layers.redis import RedisLayer, SyncRedisLayer
from seaway.layers.redis.keys import Keys

pytestmark = pytest.mark.anyio

MESSAGE = {"type": "test.message"}
LOST = {"type": "layer.gap", "reason": "lost", "dropped": None}

Make = Callable[..., RedisLayer]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def namespace(request: pytest.FixtureRequest) -> str:
    return f"t{abs(hash(request.node.nodeid))}"


@pytest.fixture
async def make(server: Server, namespace: str) -> AsyncIterator[Make]:
    """Makes layer objects in one namespace, and closes them at the end."""
    made: list[RedisLayer] = []

    def make_layer(**options: Any) -> RedisLayer:
        made.append(RedisLayer(**{"port": server.port, "namespace": namespace, **options}))
        return made[-1]

    yield make_layer
    for layer in made:
        await layer.close()


@pytest.fixture
def keys(namespace: str) -> Keys:
    return Keys("seaway:", namespace)


def numbered(number: int) -> dict[str, Any]:
    return {"type": "test.message", "number": number}


async def all_of(layer: RedisLayer, inbox: str) -> list[dict[str, Any]]:
    """Return all messages that are there."""
    got = []
    while (received := await layer.receive([inbox], 0.2))[1] is not None:
        got.append(received[1])
    return got


async def until(what: Callable[[], Any], text: str) -> None:
    deadline = time.monotonic() + 10
    while not what():
        assert time.monotonic() < deadline, text
        await anyio.sleep(0.01)


async def cut_reader(layer: RedisLayer) -> None:
    """Cut the connection that reads, once it is there and has attached."""
    engine = layer._engine
    await until(
        lambda: engine.reading is not None and all(own.attached for own in engine.inboxes.values()), "no reader"
    )
    engine.reading.abort()


@pytest.mark.req("GAP-010")
@pytest.mark.req("GRP-016")
async def test_a_flushed_broker_gives_one_gap_and_everything_works_again(server: Server, make: Make) -> None:
    layer = make()
    inbox = await layer.new_channel("here!")
    await layer.group_add("room", f"{inbox}1")
    await layer.send(f"{inbox}1", numbered(1))
    assert await layer.receive([inbox], 5) == (f"{inbox}1", numbered(1))
    server.command("FLUSHALL")
    assert await layer.receive([inbox], 5) == (inbox, LOST)
    await layer.send_group("room", numbered(2))
    assert await layer.receive([inbox], 5) == (f"{inbox}1", numbered(2))


async def test_a_receive_that_asks_does_not_keep_the_reader_from_finding_a_loss(server: Server, make: Make) -> None:
    """L3: it asks again and again for as long as the reader has not attached."""
    layer = make(send_deadline=60)
    inbox = await layer.new_channel("here!")
    assert await layer.receive([inbox], 0.1) == (None, None)
    server.command("FLUSHALL")
    assert await layer.receive([inbox], 50) == (inbox, LOST)


async def test_a_deleted_inbox_is_made_anew(server: Server, make: Make, keys: Keys) -> None:
    layer = make()
    inbox = await layer.new_channel("here!")
    server.command("DEL", keys.inbox(inbox)[0])
    await layer.send(f"{inbox}1", numbered(1))  # to nobody
    assert await layer.receive([inbox], 5) == (inbox, LOST)
    await layer.send(f"{inbox}1", numbered(2))
    assert await layer.receive([inbox], 5) == (f"{inbox}1", numbered(2))


async def test_forgotten_scripts_are_spelled_out(server: Server, make: Make) -> None:
    layer = make()
    await layer.send("work", numbered(1))
    server.command("SCRIPT", "FLUSH")
    await layer.send("work", numbered(2))
    assert await layer.receive(["work"], 5) == ("work", numbered(1))
    assert await layer.receive(["work"], 5) == ("work", numbered(2))


@pytest.mark.req("LAY-088")
@pytest.mark.req("LAY-089")
async def test_a_short_life_behind_a_long_one_neither_shortens_it_nor_counts(make: Make) -> None:
    long, short = make(expiry=60, capacity=3), make(expiry=0.2, capacity=3)
    await long.send("work", numbered(1))
    await short.send("work", numbered(2))
    await short.send("work", numbered(3))
    with pytest.raises(ChannelFull):
        await long.send("work", numbered(4))
    await anyio.sleep(0.5)
    await long.send("work", numbered(5))
    got = [(await long.receive(["work"], 5))[1] for _ in range(2)]
    assert got == [numbered(1), numbered(5)]
    assert await long.receive(["work"], 0) == (None, None)


async def test_a_late_attach_does_nothing_to_a_living_inbox(server: Server, make: Make, keys: Keys) -> None:
    layer = make()
    inbox = await layer.new_channel("here!")
    own = layer._engine.inboxes[inbox]
    late = own.attach(own.history)
    await cut_reader(layer)  # it connects again, and attaches with a newer epoch
    await until(
        lambda: int(server.command("HGET", keys.inbox(inbox)[1], "e")) > own.fresh - 1 and own.attached, "again"
    )
    await layer.send(f"{inbox}1", numbered(1))
    await until(lambda: own.position[0] > 0, "read")
    assert server.command(*late)[0] in ("late", b"late")
    await layer.send(f"{inbox}1", numbered(2))
    assert await all_of(layer, inbox) == [numbered(1), numbered(2)]


async def test_an_answer_to_an_attach_that_was_lost_costs_no_gap(server: Server, make: Make) -> None:
    layer = make()
    inbox = await layer.new_channel("here!")
    await layer.send(f"{inbox}1", numbered(1))
    own = layer._engine.inboxes[inbox]
    assert server.command(*own.attach(own.history))[0] in ("same", b"same")  # nobody hears the answer
    await cut_reader(layer)
    await layer.send(f"{inbox}1", numbered(2))
    assert await all_of(layer, inbox) == [numbered(1), numbered(2)]


async def test_a_loss_whose_announcement_was_lost_is_announced_again(server: Server, make: Make, keys: Keys) -> None:
    layer = make()
    inbox = await layer.new_channel("here!")
    own = layer._engine.inboxes[inbox]
    with layer._engine.lock:  # so that the reader does not come between
        server.command("DEL", *keys.inbox(inbox))
        assert server.command(*own.attach(own.history))[0] in ("new", b"new")
    assert await layer.receive([inbox], 5) == (inbox, LOST)
    await layer.send(f"{inbox}1", numbered(1))
    assert await all_of(layer, inbox) == [numbered(1)]


async def test_a_late_removal_does_not_undo_a_newer_join(server: Server, make: Make) -> None:
    layer = make()
    inbox = await layer.new_channel("here!")
    await layer.group_add("room", f"{inbox}1")
    own = layer._engine.inboxes[inbox]
    late = layer._engine.owner._leave(own, own.memberships["room"])
    await layer.group_discard("room", f"{inbox}1")
    await anyio.sleep(0.01)
    await layer.group_add("room", f"{inbox}2")
    server.command(*late)
    await layer.send_group("room", numbered(1))
    assert await layer.receive([inbox], 5) == (f"{inbox}2", numbered(1))


@pytest.mark.req("GRP-012")
async def test_joins_of_one_group_at_once_all_hold_when_they_return(make: Make) -> None:
    layer, sender = make(), make()
    inbox = await layer.new_channel("here!")
    names = [f"{inbox}{number}" for number in range(10)]

    async def join(name: str) -> None:
        await layer.group_add("room", name)
        await sender.send_group("room", {"type": "test.message", "for": name})

    async with anyio.create_task_group() as tasks:
        for name in names:
            tasks.start_soon(join, name)
    got = set()
    while (received := await layer.receive([inbox], 0.3))[1] is not None:
        if received[0] == received[1]["for"]:
            got.add(received[0])
    assert got == set(names)


@pytest.mark.req("GRP-013")
async def test_a_group_message_reaches_who_was_a_member_when_it_was_sent(make: Make) -> None:
    layer = make()
    inbox = await layer.new_channel("here!")
    for member in "12":
        await layer.group_add("room", inbox + member)
    await layer.send_group("room", numbered(1))
    await layer.group_discard("room", f"{inbox}1")
    await layer.send_group("room", numbered(2))
    await layer.group_add("room", f"{inbox}3")
    await layer.send_group("room", numbered(3))
    got = []
    while (received := await layer.receive([inbox], 0.3))[1] is not None:
        got.append((received[0][-1], received[1]["number"]))
    assert sorted(got) == [("1", 1), ("2", 1), ("2", 2), ("2", 3), ("3", 3)]


@pytest.mark.req("GAP-011")
async def test_a_membership_that_lapsed_is_announced(server: Server, make: Make, keys: Keys) -> None:
    layer = make(lease=1)
    inbox = await layer.new_channel("here!")
    await layer.group_add("room", f"{inbox}1")
    server.command("DEL", keys.group("room"))
    assert await layer.receive([inbox], 5) == (inbox, LOST)
    await layer.send_group("room", numbered(1))
    assert await layer.receive([inbox], 5) == (f"{inbox}1", numbered(1))


async def test_channels_whose_bells_were_lost_are_not_deaf(server: Server, make: Make, keys: Keys) -> None:
    reader, sender = make(), make()
    got: list[Any] = []

    async def read() -> None:
        for _ in range(30):
            got.append(await reader.receive([f"work{number}" for number in range(30)]))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        await until(lambda: "_engine" in vars(reader) and reader._engine.lines.bell is not None, "it has not asked")
        for number in range(30):
            await sender.send(f"work{number}", numbered(number))
            server.command("DEL", keys.bell())
    assert sorted(message["number"] for _, message in got) == list(range(30))


@pytest.mark.req("LAY-076")
async def test_what_a_cancelled_receive_took_comes_back_to_others(make: Make) -> None:
    reader, other, sender = make(), make(), make()
    for number in range(20):
        got: list[Any] = []

        async def read(got: list[Any] = got) -> None:
            got.append(await reader.receive(["work"]))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await anyio.sleep(0.001 * number / 4)
            await sender.send("work", numbered(number))
            tasks.cancel_scope.cancel()
        received = got[0] if got else await other.receive(["work"], 5)
        assert received == ("work", numbered(number)), number


@pytest.mark.req("SEC-010")
async def test_rubbish_in_the_keys_is_counted_and_passed_over(server: Server, make: Make, keys: Keys) -> None:
    layer = make()
    inbox = await layer.new_channel("here!")
    stream = keys.inbox(inbox)[0]
    for field, value in (("?", "?"), ("1c60000:1", "\xff\xff"), ("o", "many"), ("1g60000:room", ""), ("2c1:1", "x")):
        server.command("XADD", stream, "*", field, value)
    server.command("RPUSH", keys.channel("work"), "rubbish")
    server.command("SET", keys.channel("other"), "no list")
    await layer.send(f"{inbox}1", numbered(1))
    got = await all_of(layer, inbox)
    assert numbered(1) in got
    assert {message.get("reason") for message in got if message != numbered(1)} == {"lost"}
    await layer.send("work", numbered(2))
    assert await layer.receive(["work"], 5) == ("work", numbered(2))
    with pytest.raises(ConnectionError, match="WRONGTYPE"):
        await layer.send("other", numbered(3))
    await layer.send("work", numbered(4))
    assert await layer.receive(["work"], 5) == ("work", numbered(4))


async def test_nothing_but_leases_remains_of_a_closed_object(server: Server, make: Make, keys: Keys) -> None:
    layer = make()
    inbox = await layer.new_channel("here!")
    await layer.group_add("room", f"{inbox}1")
    await layer.send(f"{inbox}1", MESSAGE)
    await layer.close()
    assert server.command("EXISTS", *keys.inbox(inbox), keys.group("room")) == 0
    names = server.command("KEYS", f"{keys.base}*")
    assert all(server.command("PTTL", name) > 0 for name in names), names


@pytest.mark.req("LAY-095")
async def test_a_synchronous_object_reads_what_an_asynchronous_one_sends(
    server: Server, make: Make, namespace: str
) -> None:
    layer = make()
    with SyncRedisLayer(port=server.port, namespace=namespace) as other:
        inbox = await anyio.to_thread.run_sync(other.new_channel, "here!")
        await layer.send(f"{inbox}1", numbered(1))
        received = await anyio.to_thread.run_sync(lambda: other.receive([inbox], 5))
    assert received == (f"{inbox}1", numbered(1))


async def test_many_consumers_that_come_and_go_leave_nothing(server: Server, make: Make, keys: Keys) -> None:
    layer = make()
    inbox = await layer.new_channel("here!")

    async def visit(number: int) -> None:
        name = f"{inbox}{number}"
        await layer.group_add(f"room{number % 7}", name)
        await layer.send_group(f"room{number % 7}", MESSAGE)
        await layer.close_channel(name)

    for begin in range(0, 500, 50):
        async with anyio.create_task_group() as tasks:
            for number in range(begin, begin + 50):
                tasks.start_soon(visit, number)
        await all_of(layer, inbox)
    own = layer._engine.inboxes[inbox]
    assert (own.groups_of, own.memberships) == ({}, {})
    assert server.command("KEYS", f"{keys.base}g:*") == []
    await until(lambda: server.command("XLEN", keys.inbox(inbox)[0]) == 0, "the stream is trimmed")


async def test_a_reader_that_fails_begins_anew(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    layer = make()
    inbox = await layer.new_channel("here!")
    own = layer._engine.inboxes[inbox]
    working, own.clock = own.clock, None  # type: ignore[assignment]
    await until(lambda: "begins anew" in caplog.text, "nothing was logged")
    own.clock = working
    await layer.send(f"{inbox}1", numbered(1))
    assert await layer.receive([inbox], 5) == (f"{inbox}1", numbered(1))


@pytest.mark.req("GRP-012")
async def test_an_attach_during_a_change_of_membership_costs_no_message(make: Make) -> None:
    layer = make()
    inbox = await layer.new_channel("here!")
    await layer.group_add("room", f"{inbox}1")
    for number in range(5):
        await layer.send_group("room", numbered(number))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(layer.group_discard, "room", f"{inbox}1")
            await cut_reader(layer)
        await layer.group_add("room", f"{inbox}1")
    assert await all_of(layer, inbox) == [numbered(number) for number in range(5)]


@pytest.mark.req("LAY-086")
@pytest.mark.req("GAP-002")
async def test_an_empty_receive_comes_after_the_news_of_what_found_no_room(make: Make) -> None:
    layer, sender = make(inbox_capacity=2), make()
    inbox = await layer.new_channel("here!")
    await layer.group_add("room", f"{inbox}1")
    for round_ in range(20):
        for number in range(3):
            await sender.send_group("room", numbered(number))
        got = []
        while (received := await layer.receive([inbox], 0))[1] is not None:
            got.append(received[1])
        assert got == [numbered(0), numbered(1), {"type": "layer.gap", "reason": "overflow", "dropped": 1}], round_

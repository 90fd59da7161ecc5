"""What the Redis layer holds at the broker at most, for how long, and what each call costs there."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from redis import Redis as Client

from seaway.conformance.brokers import Server
from seaway.conformance.brokers.server import until
from seaway.layers.redis import SyncRedisLayer
from seaway.layers.redis._inboxes import Clock
from seaway.layers.redis._scripts import SEND

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(900)]

Times = Callable[[int, int], int]
KIB = "x" * 1024


def numbered(number: int, **rest: Any) -> dict[str, Any]:
    return {"type": "test.message", "number": number, **rest}


async def at_once(count: int, call: Callable[[int], Any], tasks_at_once: int = 100) -> None:
    """Await *call* of each number below *count*, many at once."""
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            await call(number)

    async with anyio.create_task_group() as tasks:
        for _ in range(tasks_at_once):
            tasks.start_soon(work)


async def test_who_never_reads_is_bounded_in_messages_and_costs_others_nothing(
    broker: Server, redis: Any, times: Times
) -> None:
    """L10, L11: a dead member and a living one, in one object, and broadcasts at full speed."""
    count, capacity = times(1000, 10_000), 100
    layer, sender = redis.layer(inbox_capacity=capacity), redis.layer()
    dead, living = await layer.new_channel("dead!"), await layer.new_channel("living!")
    await layer.group_add("room", f"{dead}1")
    await layer.group_add("room", f"{living}1")
    got: list[Any] = []

    async def read() -> None:
        dropped = 0
        while len(got) + dropped < count:
            _, message = await layer.receive([living], 30)
            if message["type"] == "layer.gap":
                dropped += message["dropped"]
            else:
                got.append(message["number"])

    most = 0
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        for number in range(count):
            await sender.send_group("room", numbered(number))
            if number % 100 == 0:
                most = max(most, broker.command("XLEN", redis.keys.inbox(dead)[0]))
    assert most <= capacity
    assert got == sorted(got)
    first = [(await layer.receive([dead], 30))[1] for _ in range(capacity)]
    assert [message["number"] for message in first] == list(range(capacity))
    assert (await layer.receive([dead], 30))[1]["dropped"] == count - capacity
    await layer.send(f"{dead}1", numbered(0))
    assert (await layer.receive([dead], 30))[1] == numbered(0)


async def test_who_never_reads_is_bounded_in_bytes_and_everything_else_is_counted(
    broker: Server, redis: Any, times: Times
) -> None:
    """L12: 1 KiB each, and a bound of 1 MiB; the owner's process holds no more than that either."""
    count = times(3000, 1_000_000)
    layer, sender = redis.layer(inbox_bytes=1 << 20), redis.layer(send_deadline=60, expiry=3600)
    inbox = await layer.new_channel("here!")
    await layer.group_add("room", f"{inbox}1")
    await at_once(count, lambda number: sender.send_group("room", numbered(number, text=KIB)), 200)
    own = redis.engine(layer).inboxes[inbox]
    assert own.place.bytes <= 1 << 20
    assert broker.command("MEMORY", "USAGE", redis.keys.inbox(inbox)[0]) < 2 << 20
    taken = dropped = 0
    while taken + dropped < count:
        _, message = await layer.receive([inbox], 30)
        taken += message["type"] != "layer.gap"
        dropped += message.get("dropped", 0)
    print(f"{count} broadcasts to who does not read: {taken} kept, {dropped} dropped, both exact")
    assert taken + dropped == count
    assert 900 < taken <= 1024


def test_what_was_written_at_the_end_of_a_millisecond_does_not_expire_at_its_beginning() -> None:
    """L14: an id has no more than milliseconds."""
    clock = Clock(lambda: 100.0)
    clock.set(1000, 999_999)
    assert clock.deadline(1_000_999, 60.0) >= 160.0


async def test_nothing_expires_early_and_order_holds_whatever_any_clock_says(
    broker: Server, redis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L14, L15: processes' clocks an hour off either way, and the broker's set back by an hour."""
    layer, sender = redis.layer(expiry=60), redis.layer(expiry=60)
    inbox = await layer.new_channel("here!")
    await sender.send(f"{inbox}1", numbered(0))
    # What a broker whose clock was an hour ahead has left behind: an entry with an id of then.
    stream, _ = redis.keys.inbox(inbox)
    ahead = (int(broker.command("TIME")[0]) + 3600) * 1000
    broker.command("XADD", stream, f"{ahead}-0", "1c60000:1", b"\xff")
    true = time.time
    for number, off in enumerate((-3600, 3600, 0), start=1):
        monkeypatch.setattr(time, "time", lambda off=off: true() + off)
        await sender.send(f"{inbox}1", numbered(number))
        await sender.send("work", numbered(number))
    monkeypatch.setattr(time, "time", true)
    got = [(await layer.receive([inbox], 30))[1] for _ in range(5)]
    lost = {"type": "layer.gap", "reason": "lost", "dropped": 1}
    assert got == [numbered(0), lost, numbered(1), numbered(2), numbered(3)]
    assert [(await layer.receive(["work"], 30))[1]["number"] for _ in range(3)] == [1, 2, 3]


OWNER = """
import sys, time
from seaway.layers.redis import SyncRedisLayer
layer = SyncRedisLayer(port=int(sys.argv[1]), namespace=sys.argv[2], lease=1)
inbox = layer.new_channel("here!")
for number in range(1000):
    layer.group_add(f"room{number % 10}", f"{inbox}{number}")
print(inbox, flush=True)
time.sleep(600)
"""


async def test_the_memberships_of_a_killed_process_end_with_its_lease(broker: Server, redis: Any) -> None:
    """L23: 1,000 channels in 10 groups; nobody is left, neither a ghost nor a key."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", OWNER, str(broker.port), redis.namespace]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220
    assert process.stdout is not None
    inbox = process.stdout.readline().strip()
    assert broker.command("ZRANGE", redis.keys.group("room3"), 0, -1) == [inbox]
    process.kill()
    process.wait()
    process.stdout.close()
    keys = [*redis.keys.inbox(inbox), *(redis.keys.group(f"room{number}") for number in range(10))]
    until(lambda: not broker.command("EXISTS", *keys), "nothing of a killed process", 60)


async def test_every_key_has_an_end(broker: Server, redis: Any) -> None:
    """L28: whatever the layer writes is gone some time after it is used last."""
    layer, other = redis.layer(capacity=2), redis.layer()
    inbox = await layer.new_channel("here!")
    await layer.group_add("room", f"{inbox}1")
    with anyio.move_on_after(0.1):
        await other.receive(["nothing"])
    for number in range(2):
        await layer.send("work", numbered(number))
    with pytest.raises(layer.ChannelFull):
        await layer.send("work", numbered(2))
    await other.receive(["work"], 30)
    await layer.send_group("room", numbered(3))
    await layer.receive([inbox], 30)
    names = broker.command("KEYS", f"{redis.keys.base}*")
    assert len(names) >= 8
    assert [name for name in names if broker.command("PTTL", name) <= 0] == []


@pytest.mark.parametrize("policy", ["noeviction", "allkeys-lru"])
async def test_a_broker_without_memory_refuses_or_forgets_and_nothing_hangs(redis: Any, policy: str) -> None:
    """L28: 10 MB. With noeviction a channel is full; a broker that evicts costs messages, and an owner is told so."""
    with Server("--maxmemory", "10mb", "--maxmemory-policy", policy) as server:
        layer = redis.layer(port=server.port, capacity=100_000, send_deadline=10)
        inbox = await layer.new_channel("here!")
        refused = 0
        for number in range(300):
            for channel in (f"work{number}", f"{inbox}1"):
                try:
                    await layer.send(channel, numbered(number, text=40 * KIB))
                except layer.ChannelFull:
                    refused += 1
        got = gaps = 0
        while (received := await layer.receive([inbox], 1))[1] is not None:
            gaps += received[1]["type"] == "layer.gap"
            got += received[1]["type"] != "layer.gap"
        for number in range(300):
            if (await layer.receive([f"work{number}"], 0))[1] is not None:
                got += 1
        assert got
        if policy == "noeviction":
            assert got + refused == 600
            assert gaps == 0
        # With room again everything works.
        await layer.send("work", numbered(1))
        assert (await layer.receive(["work"], 10))[1] == numbered(1)
        while True:
            try:
                await layer.send(f"{inbox}1", numbered(2))
            except layer.ChannelFull:
                continue
            if (await layer.receive([inbox], 0.5))[1] == numbered(2):
                break
        await layer.close()


async def test_a_broadcast_is_one_command_and_costs_by_processes_not_by_members(broker: Server, redis: Any) -> None:
    """L29: by MONITOR, one send after the other."""
    sender = redis.layer()
    layers = [redis.layer() for _ in range(2)]
    for layer, groups, members in ((layers[0], ("small", "room"), 1), (layers[1], ("large", "room"), 50)):
        inbox = await layer.new_channel("here!")
        for group in groups:
            for member in range(members):
                await layer.group_add(group, f"{inbox}{member}")
    await sender.send_group("small", numbered(0))
    client = Client(port=broker.port, decode_responses=False, encoding_errors="replace")
    seen: list[str] = []

    def watch(ready: threading.Event) -> None:
        with client.monitor() as monitor:
            ready.set()
            while "the end" not in seen:
                # redis-py's own parser wants text; what is written here is not.
                line = monitor.connection.read_response(disable_decoding=True)
                text = line.decode("utf-8", "replace")
                seen.append("the end" if redis.keys.base + "end" in text else text)

    ready = threading.Event()
    thread = threading.Thread(target=watch, args=(ready,))
    thread.start()
    await anyio.to_thread.run_sync(ready.wait)
    costs = {}
    for group in ("small", "large", "room"):
        begin = len(seen)
        for number in range(5):
            await sender.send_group(group, numbered(number))
        broker.command("GET", f"{redis.keys.base}mark")
        while not any(f"{redis.keys.base}mark" in line for line in seen[begin:]):
            await anyio.sleep(0.01)
        lines = seen[begin:]
        sends = [line for line in lines if SEND.sha.decode() in line]
        assert len(sends) == 5, sends
        costs[group] = sum(" lua]" in line and '"XADD"' in line.upper() for line in lines)
    broker.command("GET", f"{redis.keys.base}end")
    thread.join()
    client.close()
    assert costs == {"small": 5, "large": 5, "room": 10}


async def test_a_consumer_that_fails_costs_the_others_nothing(redis: Any, times: Times) -> None:
    """L30: nothing is taken for calls that are not there, so nothing goes with who gives up."""
    count = times(500, 2000)
    failing, other, sender = redis.layer(), redis.layer(), redis.layer(capacity=10_000)
    await at_once(count, lambda number: sender.send("work", numbered(number)))
    got = [(await failing.receive(["work"], 30))[1]["number"] for _ in range(50)]
    await failing.close()
    while (received := await other.receive(["work"], 0))[1] is not None:
        got.append(received[1]["number"])
    assert sorted(got) == list(range(count))


async def test_an_object_that_has_nothing_to_do_for_long_has_no_trouble(redis: Any, times: Times) -> None:
    """L31: longer than clients of brokers wait for a reply by default; ten minutes by hand."""
    layer, sender = redis.layer(), redis.layer()
    inbox = await layer.new_channel("here!")
    got: list[Any] = []

    async def read(source: str) -> None:
        got.append(await layer.receive([source]))

    async with anyio.create_task_group() as tasks:
        for source in (inbox, "work"):
            tasks.start_soon(read, source)
        await anyio.sleep(times(6, 600))
        assert got == []
        await sender.send("work", numbered(1))
        await sender.send(f"{inbox}1", numbered(2))
    assert sorted(message["number"] for _, message in got) == [1, 2]
    assert (await layer.statistics())["reconnects"] == 0


RECEIVERS = """
import os, random, signal, sys, time
from seaway.layers.redis import SyncRedisLayer
port, namespace, kills = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
dice = random.Random(4)
for _ in range(kills):
    end, pipe = os.pipe()
    child = os.fork()
    if not child:
        layer = SyncRedisLayer(port=port, namespace=namespace)
        while True:
            _, message = layer.receive(["work"])
            os.write(pipe, b"%d\\n" % message["number"])
    os.close(pipe)
    with open(end, "rb") as lines:
        os.write(1, lines.readline())
        time.sleep(dice.random() * 0.02)
        os.kill(child, signal.SIGKILL)
        os.write(1, lines.read())
    os.waitpid(child, 0)
"""


def test_killed_receivers_take_messages_with_them_and_repeat_none(broker: Server, times: Times) -> None:
    """L16: one receiver after the other is killed somewhere; what it was handed is gone, and comes to nobody else."""
    kills, namespace = times(20, 10_000), f"l16-{os.urandom(6).hex()}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", RECEIVERS, str(broker.port), namespace, str(kills)]
    with SyncRedisLayer(port=broker.port, namespace=namespace, capacity=20, expiry=3600) as layer:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        got: list[int] = []
        assert process.stdout is not None
        thread = threading.Thread(target=lambda: got.extend(map(int, process.stdout or ())))
        thread.start()
        sent = 0
        while process.poll() is None:
            try:
                layer.send("work", numbered(sent))
                sent += 1
            except layer.ChannelFull:
                time.sleep(0.002)
        thread.join()
        process.stdout.close()
        assert process.returncode == 0
        while (received := layer.receive(["work"], 0))[1] is not None:
            got.append(received[1]["number"])
    print(f"{kills} kills, {sent} messages sent, {sent - len(got)} gone with who was killed")
    assert len(got) == len(set(got))
    assert sent - len(got) <= 2 * kills
    assert len(got) > 0

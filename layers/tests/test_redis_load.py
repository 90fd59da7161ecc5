"""The Redis layer under many calls at once, most of them cancelled, and what remains of it afterwards.

CI runs a sample. What ``docs/reliability.md`` says was run with ``SEAWAY_FAULTS=large pytest -s`` and this file.
"""

from __future__ import annotations

import gc
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import pytest

from seaway.conformance.brokers import FaultProxy, Server
from seaway.layers.redis import RedisLayer, SyncRedisLayer
from seaway.layers.redis._lane import Pause
from seaway.layers.redis._settings import RedisOptions
from seaway.layers.redis._synchronous import SyncEngine

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(900)]

Times = Callable[[int, int], int]


def numbered(number: int) -> dict[str, Any]:
    return {"type": "test.message", "number": number}


def connections(broker: Server, name: str) -> int:
    """Return how many connections of that client name the broker has."""
    return sum(f" name={name} " in line for line in broker.command("CLIENT", "LIST").splitlines())


async def test_an_answer_goes_to_its_own_call_though_half_of_the_calls_are_cancelled(
    broker: Server, redis_in_a_loop: Any, times: Times
) -> None:
    """L1: each message names its channel; 10 ms each way, so that most cancellations find an answer on its way."""
    calls, tasks_at_once, dice = times(600, 100_000), 50, random.Random(1)
    name = f"l1-{redis_in_a_loop.namespace[:8]}"
    cancelled = taken = 0
    with FaultProxy(broker) as proxy:
        layer = redis_in_a_loop.layer(port=proxy.port, client_name=name, capacity=10_000)
        await layer.send("channel0", {"type": "test.message", "for": "channel0"})
        proxy.delay(0.01)

        async def work() -> None:
            nonlocal cancelled, taken
            for _ in range(calls // tasks_at_once):
                channel = f"channel{dice.randrange(20)}"
                with anyio.move_on_after(dice.random() * 0.05 if dice.random() < 0.5 else 60) as scope:
                    if dice.random() < 0.5:
                        await layer.send(channel, {"type": "test.message", "for": channel})
                    else:
                        found, message = await layer.receive([channel], 0)
                        assert message is None or found == message["for"] == channel
                        taken += message is not None
                cancelled += scope.cancelled_caught

        async with anyio.create_task_group() as tasks:
            for _ in range(tasks_at_once):
                tasks.start_soon(work)
        print(f"{calls} calls, {cancelled} cancelled, {taken} messages taken")
        assert cancelled > calls / 10
        assert taken > calls / 20
        assert (await layer.statistics())["reconnects"] == 0
        assert connections(broker, name) <= 2
        await layer.close()


@pytest.mark.parametrize("place", ["inbox", "work"])
async def test_most_receives_are_cancelled_and_nothing_is_lost_or_twice_or_out_of_order(
    redis: Any, times: Times, place: str
) -> None:
    """L2: cancelled after 0 to 4 ms."""
    count, dice = times(500, 100_000), random.Random(2)
    layer, sender = redis.layer(), redis.layer()
    inbox = await layer.new_channel("here!")
    source, target = (inbox, f"{inbox}1") if place == "inbox" else ("work", "work")
    got: list[int] = []
    cancelled = 0

    async def send() -> None:
        for number in range(count):
            while True:
                try:
                    await sender.send(target, numbered(number))
                    break
                except sender.ChannelFull:
                    await anyio.sleep(0.001)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(send)
        while len(got) < count:
            with anyio.move_on_after(dice.random() * 0.004) as scope:
                _, message = await layer.receive([source])
                got.append(message["number"])
            cancelled += scope.cancelled_caught
    print(f"{count} messages, {cancelled} receives cancelled")
    assert got == list(range(count))


@pytest.mark.parametrize("place", ["inbox", "work"])
def test_most_receives_time_out_and_nothing_is_lost_or_twice_or_out_of_order(
    broker: Server, times: Times, place: str
) -> None:
    """L2, in threads: timeouts of 0 to 4 ms."""
    count, dice = times(300, 100_000), random.Random(2)
    namespace = f"l2-{os.urandom(6).hex()}"
    with SyncRedisLayer(port=broker.port, namespace=namespace) as layer:
        inbox = layer.new_channel("here!")
        source, target = (inbox, f"{inbox}1") if place == "inbox" else ("work", "work")

        def send() -> None:
            with SyncRedisLayer(port=broker.port, namespace=namespace, capacity=1_000_000) as sender:
                for number in range(count):
                    while True:
                        try:
                            sender.send(target, numbered(number))
                            break
                        except sender.ChannelFull:
                            time.sleep(0.001)

        thread = threading.Thread(target=send)
        thread.start()
        got: list[int] = []
        while len(got) < count:
            _, message = layer.receive([source], dice.random() * 0.004)
            if message is not None:
                got.append(message["number"])
        thread.join()
    assert got == list(range(count))


async def test_ten_thousand_sends_at_once_need_two_connections(broker: Server, redis: Any) -> None:
    """L21: none fails, and the process has no more connections than before."""
    count, name = 10_000, f"l21-{redis.namespace[:8]}"
    layer = redis.layer(client_name=name, send_deadline=60, inbox_capacity=count)
    inbox = await layer.new_channel("here!")
    most = 0

    async def send(number: int) -> None:
        nonlocal most
        await layer.send(f"{inbox}1", numbered(number))
        if number % 2500 == 0:
            most = max(most, connections(broker, name))

    async with anyio.create_task_group() as tasks:
        for number in range(count):
            tasks.start_soon(send, number)
    assert most <= 2
    got = [(await layer.receive([inbox], 30))[1]["number"] for _ in range(count)]
    assert sorted(got) == list(range(count))


def test_sends_of_many_threads_need_two_connections(broker: Server) -> None:
    """L21, in threads: 100 of them."""
    name = f"l21-{os.urandom(4).hex()}"
    options: dict[str, Any] = {"port": broker.port, "namespace": name, "client_name": name, "send_deadline": 60}
    with SyncRedisLayer(**options) as layer:
        inbox = layer.new_channel("here!")
        threads = [
            threading.Thread(target=lambda: [layer.send(f"{inbox}1", numbered(n)) for n in range(20)])
            for _ in range(100)
        ]
        for thread in threads:
            thread.start()
        assert connections(broker, name) <= 2
        for thread in threads:
            thread.join()
        assert sum(layer.receive([inbox], 30)[1] is not None for _ in range(2000)) == 2000


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_event_loops_that_come_and_go_in_many_threads_leave_no_descriptor(
    broker: Server, times: Times, backend: str
) -> None:
    """L22: 8 threads, each with one event loop after the other."""
    rounds = times(5, 1000)
    namespace = f"l22-{os.urandom(6).hex()}"
    errors: list[BaseException] = []

    async def main(channel: str) -> None:
        async with RedisLayer(port=broker.port, namespace=namespace) as layer:
            inbox = await layer.new_channel("here!")
            await layer.send(f"{inbox}1", numbered(1))
            await layer.send(channel, numbered(2))
            assert (await layer.receive([inbox], 30))[1] == numbered(1)
            assert (await layer.receive([channel], 30))[1] == numbered(2)

    def work(channel: str) -> None:
        try:
            for _ in range(rounds):
                anyio.run(main, channel, backend=backend)
        except BaseException as error:
            errors.append(error)

    anyio.run(main, "warm", backend=backend)
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    threads = [threading.Thread(target=work, args=(f"work{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before


FORKS = """
import os, sys, threading
from seaway.layers.redis import SyncRedisLayer
port, forks = int(sys.argv[1]), int(sys.argv[2])
options = {"port": port, "namespace": sys.argv[3], "capacity": 1_000_000, "send_deadline": 30}
layer = SyncRedisLayer(**options)
ending, sent = threading.Event(), []
def load():
    while not ending.is_set():
        layer.send("load", {"type": "test.message"})
        sent.append(1)
threads = [threading.Thread(target=load) for _ in range(4)]
for thread in threads: thread.start()
for number in range(forks):
    child = os.fork()
    if not child:
        with SyncRedisLayer(**options) as mine:
            mine.send("forked", {"type": "test.message", "number": number})
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, number
ending.set()
for thread in threads: thread.join()
layer.close()
print(len(sent), len(os.listdir("/proc/self/fd")))
"""


IMPORTS = """
import sys
from seaway.layers.redis import SyncRedisLayer
known = set(sys.modules)
with SyncRedisLayer(port=int(sys.argv[1]), namespace=sys.argv[2]) as layer:
    layer.send("work", {"type": "test.message"})
    layer.receive(["work", layer.new_channel("here!")], timeout=5)
print(*set(sys.modules) - known)
"""


def test_a_layer_in_use_imports_nothing(broker: Server) -> None:
    """L22: a fork while another thread imports leaves the module's lock behind, and the child waits for ever."""
    command = [sys.executable, "-c", IMPORTS, str(broker.port), f"l22-{os.urandom(6).hex()}"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
    assert (ended.returncode, ended.stdout.split()) == (0, []), ended


def test_a_process_that_forks_under_load_loses_nothing(broker: Server, times: Times) -> None:
    """L22: a child uses an object of its own; the parent's connections are not disturbed."""
    forks, namespace = times(5, 200), f"l22-{os.urandom(6).hex()}"
    command = [sys.executable, "-W", "ignore", "-c", FORKS, str(broker.port), str(forks), namespace]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=times(100, 600))
    assert ended.returncode == 0, ended.stderr
    sent, descriptors = map(int, ended.stdout.split())
    assert descriptors < 10
    assert broker.command("LLEN", f"seaway:{namespace}:n:{{0}}load") == sent
    assert broker.command("LLEN", f"seaway:{namespace}:n:{{0}}forked") == forks


def resident() -> int:
    """Return the bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


async def test_a_frozen_broker_costs_senders_their_deadline_and_no_memory(redis: Any, times: Times) -> None:
    """L7: 500 sends a second into a broker that is stopped."""
    seconds, within = times(2, 20), times(15, 1)
    with Server() as server:
        layer = redis.layer(port=server.port, send_deadline=1)
        inbox = await layer.new_channel("here!")
        await layer.send("work", numbered(0))
        before, slowest, failed = resident(), 0.0, 0

        async def send() -> None:
            nonlocal slowest, failed
            begun = time.monotonic()
            try:
                await layer.send("work", numbered(1))
            except ConnectionError:
                failed += 1
                slowest = max(slowest, time.monotonic() - begun)

        server.freeze()
        async with anyio.create_task_group() as tasks:
            for _ in range(seconds * 50):
                for _ in range(10):
                    tasks.start_soon(send)
                await anyio.sleep(0.02)
        grown = resident() - before
        server.start()
        begun = time.monotonic()
        while True:
            try:
                await layer.send(f"{inbox}1", numbered(2))
                break
            except ConnectionError:
                assert time.monotonic() < begun + within
        assert (await layer.receive([inbox], 30))[1] is not None
        back = time.monotonic() - begun
        print(f"{failed} sends raised, the slowest after {slowest:.2f} s; {grown >> 10} KiB; back after {back:.2f} s")
        assert failed == seconds * 500
        assert slowest < times(10, 2)
        assert grown < 20 << 20
        await layer.close()


def test_pauses_between_attempts_spread_a_herd() -> None:
    """L8: 200 clients that all lose their broker at once; in no tenth of a second are more than a quarter of them."""
    dice_and_time: dict[int, int] = {}
    for _ in range(200):
        pause, now = Pause(), 0.0
        for _ in range(5):
            now += pause.next()  # the broker is away, and the first attempts come soon
        while now < 10:
            now += pause.next()
        dice_and_time[int(now * 10)] = dice_and_time.get(int(now * 10), 0) + 1
    assert sum(dice_and_time.values()) == 200
    assert max(dice_and_time.values()) <= 50


@pytest.mark.parametrize("place", [{}, {"nodes": ("127.0.0.1:1",)}], ids=["", "cluster"])
def test_no_pause_between_attempts_outlasts_a_send(place: dict[str, Any]) -> None:
    """Else a send raises for a broker that is back, since nobody has looked during its ``send_deadline``."""
    pause = SyncEngine(RedisOptions(send_deadline=0.2, **place)).line_lane.pause
    assert max(pause.next() for _ in range(1000)) <= 0.15


async def test_a_herd_of_clients_comes_back_spread_over_time(redis: Any, times: Times) -> None:
    """L8, with 200 clients and a broker that is killed ten times; CI lets only a few come back."""
    clients, kills = times(10, 200), times(1, 10)
    worst = 0.0
    with Server() as server:
        layers = [redis.layer(port=server.port) for _ in range(clients)]
        for layer in layers:
            await layer.new_channel("here!")
        for _ in range(kills):
            # In threads: whatever holds the event loop would let all pauses end at once.
            await anyio.to_thread.run_sync(server.kill)
            await anyio.sleep(times(1, 3))
            await anyio.to_thread.run_sync(server.start)
            samples = [(time.monotonic(), 0)]
            while samples[-1][1] < clients:
                await anyio.sleep(0.1)
                stats = await anyio.to_thread.run_sync(server.info, "stats")
                ours = len(samples)  # one connection for each sample
                samples.append((time.monotonic(), int(stats["total_connections_received"]) - ours))
                assert samples[-1][0] < samples[0][0] + 60
            for (begin, before), (end, after) in pairwise(samples):
                worst = max(worst, (after - before) / samples[-1][1] * min(0.1 / (end - begin), 1))
        print(f"at most {worst:.0%} of the connections in a tenth of a second")
        assert worst <= times(100, 25) / 100
        for layer in layers:
            await layer.close()


async def _visit(layer: Any, inbox: str, number: int) -> None:
    name = f"{inbox}{number}"
    await layer.group_add(f"room{number % 50}", name)
    await layer.group_add(f"alone{number}", name)
    await layer.send(name, numbered(number))
    if number % 2:
        await layer.group_discard(f"alone{number}", name)
    await layer.close_channel(name)
    if number % 20 == 0:
        other = await layer.new_channel("other!")
        await layer.send(f"{other}1", numbered(number))
        await layer.close_channel(other)


async def _visits(layer: Any, inbox: str, numbers: range) -> None:
    for begin in range(numbers.start, numbers.stop, 100):
        async with anyio.create_task_group() as tasks:
            for number in range(begin, min(begin + 100, numbers.stop)):
                tasks.start_soon(_visit, layer, inbox, number)
        while (await layer.receive([inbox], 0))[0] is not None:
            pass


def _used(server: Server) -> tuple[int, int]:
    """Return the bytes that the broker's data and buffers take, and how many keys it has."""
    return int(server.info("memory")["used_memory"]), int(server.command("DBSIZE"))


def _objects(layer: Any) -> int:
    """Return how many objects this process has, without what is cached up to a bound."""
    layer = vars(layer).get("_layer", layer)
    codec = layer._engine.codec
    for cache in (layer._routes, layer._sources, codec.heads, codec._made):
        cache.clear()
    gc.collect()
    return len(gc.get_objects())


THREAD_OBJECTS = 40
"""So many objects, by measurement some 30, belong to a thread that `to_async` starts: one for each call at a time."""


async def test_consumers_that_come_and_go_leave_no_memory_behind(redis: Any, times: Times) -> None:
    """100,000 consumers: at the broker and in the process is afterwards what was there before."""
    count = times(2000, 100_000)
    with Server() as server:
        layer = redis.layer(port=server.port, send_deadline=30)
        inbox = await layer.new_channel("here!")
        await _visits(layer, inbox, range(200))
        before, objects, resident_before = _used(server), _objects(layer), resident()
        threads = threading.active_count()
        await _visits(layer, inbox, range(10_000, 10_000 + count))
        after, grown = _used(server), _objects(layer) - objects
        threads = threading.active_count() - threads
        grown -= max(threads, 0) * THREAD_OBJECTS
        print(f"{count} consumers: {grown:+} objects, {(resident() - resident_before) >> 10:+} KiB in the process; "
              f"broker {before[0]:,} to {after[0]:,} bytes, {before[1]} to {after[1]} keys")  # fmt: skip
        assert after[1] <= before[1]
        assert after[0] - before[0] < 1 << 19
        assert grown < 200
        await layer.close()

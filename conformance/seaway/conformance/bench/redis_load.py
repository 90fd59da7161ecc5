"""P3 to P6 for one contender, in a process of its own: `python -m seaway.conformance.bench.redis_load`.

It prints one JSON object, the sample. Peers are the two layers of channels_redis; everything else speaks our interface.
What a contender loses would be waited for without end: a step that takes a minute is a failure.
"""

import asyncio
import functools
import importlib
import json
import operator
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import attrs
import click

from seaway.conformance.bench import loops
from seaway.conformance.bench.errors import BenchError
from seaway.conformance.bench.layer_load import MEMBERS, MESSAGE, Message
from seaway.conformance.bench.report import Sample

PEERS: Final = {
    "core": "channels_redis.core:RedisChannelLayer",
    "pubsub": "channels_redis.pubsub:RedisPubSubChannelLayer",
}
BURST: Final = 2000
WORKERS: Final = 4
# Above what any work has under way, so that nothing is refused for want of room.
CAPACITY: Final = 100_000
STEP_SECONDS: Final = 60.0
QUIET_SECONDS: Final = 1.0
QUEUE: Final = "bench-work"
TASKS: Final = ("P3-20", "P3-200", "P4", "P5", "P6-1", "P6-16", "worker-1", "worker-16")
"""What a process can do; the number is that of senders, or of `receive` calls that wait in each worker."""


@attrs.frozen
class Subject:
    """A layer of either interface, its own functions where they are called for each message: a wrapper would cost.

    Args:
        send: to a channel.
        receive: what comes next from a source.
        source: what `receive` takes, for a channel.
        message: the message in what `receive` returned.
        new: makes a channel for this process, or an inbox; returns its source, and what to send to.
        join: puts `count` channels into the group, and returns for each delivery its source.
        send_group: to the group.
        close: ends it.
    """

    send: Callable[[str, Message], Awaitable[Any]]
    receive: Callable[[Any], Awaitable[Any]]
    source: Callable[[str], Any]
    message: Callable[[Any], Message]
    new: Callable[[], Awaitable[tuple[Any, str]]]
    join: Callable[[int], Awaitable[Sequence[Any]]]
    send_group: Callable[[Message], Awaitable[Any]]
    close: Callable[[], Awaitable[None]]


def open_subject(name: str, url: str) -> Subject:
    """Open a layer at the broker `url`: of the peers' by its name, else ours by its scheme."""
    return _peer(name, url) if name in PEERS else _ours(url)


def _peer(name: str, url: str) -> Subject:
    module, _, attribute = PEERS[name].partition(":")
    layer = getattr(importlib.import_module(module), attribute)(hosts=[url], capacity=CAPACITY)

    async def new() -> tuple[str, str]:
        channel = await layer.new_channel()
        return channel, channel

    async def join(count: int) -> list[str]:
        names = [await layer.new_channel() for _ in range(count)]
        for channel in names:
            await layer.group_add("bench", channel)
        return names

    async def close() -> None:
        if hasattr(layer, "close_pools"):
            await layer.close_pools()

    send_group = functools.partial(layer.group_send, "bench")
    return Subject(layer.send, layer.receive, _same, _same, new, join, send_group, close)


def _same(value: Any) -> Any:
    return value


def _ours(url: str) -> Subject:
    from seaway.layers import open_layer

    layer = open_layer(url, capacity=CAPACITY, inbox_capacity=CAPACITY)

    async def new() -> tuple[list[str], str]:
        inbox = await layer.new_channel("bench!")
        return [inbox], f"{inbox}1"

    async def join(count: int) -> list[list[str]]:
        inbox = await layer.new_channel("bench!")
        for number in range(count):
            await layer.group_add("bench", f"{inbox}{number}")
        return [[inbox]] * count

    send_group = functools.partial(layer.send_group, "bench")
    return Subject(
        layer.send, layer.receive, lambda channel: [channel], operator.itemgetter(1), new, join, send_group, layer.close
    )


async def _stepwise(step: Callable[[], Awaitable[int]], seconds: float) -> float:
    """Return how many messages a second `step`, which returns how many it has moved, makes in so many seconds."""
    await asyncio.wait_for(step(), STEP_SECONDS)
    begin, count = time.perf_counter(), 0
    while True:
        count += await asyncio.wait_for(step(), STEP_SECONDS)
        if (took := time.perf_counter() - begin) >= seconds:
            return count / took


async def one_channel(subject: Subject, senders: int, seconds: float) -> Sample:
    """P3: so many senders, one receiver, one channel of this process."""
    source, channel = await subject.new()

    async def send_many() -> None:
        for _ in range(BURST // senders):
            await subject.send(channel, MESSAGE)

    async def burst() -> int:
        tasks = [asyncio.ensure_future(send_many()) for _ in range(senders)]
        for _ in range(BURST):
            await subject.receive(source)
        await asyncio.gather(*tasks)
        return BURST

    return {"per_second": await _stepwise(burst, seconds)}


async def latency(subject: Subject, seconds: float) -> Sample:
    """P4: one message at a time, from before the send until after the receive."""
    source, channel = await subject.new()
    took: list[float] = []

    async def one() -> int:
        begin = time.perf_counter()
        await subject.send(channel, MESSAGE)
        await subject.receive(source)
        took.append(1e6 * (time.perf_counter() - begin))
        return 1

    await _stepwise(one, 0.3)
    took.clear()
    await _stepwise(one, seconds)
    cuts = statistics.quantiles(took, n=100)
    return {"p50": cuts[49], "p99": cuts[98]}


async def one_group(subject: Subject, seconds: float) -> Sample:
    """P5: a message to a group of `MEMBERS` channels of this process, each of which takes it."""
    sources = await asyncio.wait_for(subject.join(MEMBERS), STEP_SECONDS)

    async def broadcast() -> int:
        await subject.send_group(MESSAGE)
        for source in sources:
            await subject.receive(source)
        return MEMBERS

    return {"per_second": await _stepwise(broadcast, seconds)}


async def work_queue(subject: Subject, name: str, url: str, receives: int, seconds: float) -> Sample:
    """P6: one sender, `WORKERS` processes with so many `receive` each.

    Returns what came at least once a second, and how many came twice.
    """
    words = [sys.executable, "-m", __spec__.name, f"worker-{receives}", name, url, "--seconds=0"]
    workers = [
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220
        for _ in range(WORKERS)
    ]
    try:
        for worker in workers:
            await asyncio.to_thread(_line, worker)
        begin = time.perf_counter()
        numbers = iter(range(10**9))

        async def send_some() -> None:
            while time.perf_counter() - begin < seconds:
                await subject.send(QUEUE, {**MESSAGE, "number": next(numbers)})

        await asyncio.gather(*(send_some() for _ in range(20)))
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.close()
        found = [json.loads(await asyncio.to_thread(_line, worker)) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    came = [number for one in found for number in one["numbers"]]
    last = max(one["last"] for one in found) - begin
    return {"per_second": len(set(came)) / max(last, seconds), "twice": float(len(came) - len(set(came)))}


def _line(worker: "subprocess.Popen[str]") -> str:
    assert worker.stdout is not None
    line = worker.stdout.readline()
    if not line:
        raise BenchError(f"a worker process ended with exit code {worker.wait()}.")
    return line


async def work(subject: Subject, receives: int) -> None:
    """Be a worker process: receive until standard input has ended and nothing comes, then print what came."""
    numbers: list[int] = []
    last = 0.0
    queue = subject.source(QUEUE)

    async def take() -> None:
        nonlocal last
        while True:
            received = await subject.receive(queue)
            numbers.append(subject.message(received)["number"])
            last = time.perf_counter()

    ended = asyncio.ensure_future(asyncio.to_thread(sys.stdin.read))
    takers = [asyncio.ensure_future(take()) for _ in range(receives)]
    print("ready", flush=True)
    # Not a timeout for each message: that would cost more than some layers do.
    came = -1
    while not ended.done() or len(numbers) > came:
        came = len(numbers)
        done, _ = await asyncio.wait(takers, timeout=QUIET_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for taker in done:
            taker.result()  # it ends by an error only
    for taker in takers:
        taker.cancel()
    await asyncio.wait(takers)
    print(json.dumps({"numbers": numbers, "last": last}), flush=True)


async def measure(task: str, name: str, url: str, seconds: float) -> Sample | None:
    """Do one of the works, or be a worker of P6."""
    subject = open_subject(name, url)
    try:
        kind, _, count = task.partition("-")
        if kind == "worker":
            await work(subject, int(count))
            return None
        if kind == "P6":
            return await work_queue(subject, name, url, int(count), seconds)
        if task == "P5":
            return await one_group(subject, seconds)
        if task == "P4":
            return await latency(subject, seconds)
        return await one_channel(subject, int(count), seconds)
    except TimeoutError:
        raise BenchError(f"{name} has not moved its messages within {STEP_SECONDS:g} seconds: some are lost.") from None
    finally:
        await subject.close()


@click.command()
@click.argument("task", type=click.Choice(TASKS))
@click.argument("name")
@click.argument("url")
@click.option("--seconds", type=float, required=True)
def main(task: str, name: str, url: str, seconds: float) -> None:
    """Print the sample of NAME, at the broker URL, in TASK as JSON."""
    try:
        sample = loops.run(measure(task, name, url, seconds))
    except BenchError as error:
        sys.exit(str(error))
    if sample is not None:
        click.echo(json.dumps(sample))


if __name__ == "__main__":
    main()

"""P1 and P2 for one contender, in a process of its own: `python -m seaway.conformance.bench.layer_load`.

It prints one JSON object, the sample. Peers speak Channels' interface or are a bare queue; everything else
speaks ours. Whatever the contender, the loops are the same: a contender is the few calls that they await.
"""

import asyncio
import functools
import gc
import importlib
import itertools
import json
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

import attrs
import click

from seaway.conformance.bench import loops
from seaway.conformance.bench.errors import BenchError
from seaway.conformance.bench.processes import per_cpu_second
from seaway.conformance.bench.report import Sample

SENDERS: Final = 20
BURST: Final = 10_000
MEMBERS: Final = 1000
# As JSON, and with the key that says what it is, 150 bytes.
MESSAGE: Final = {"type": "bench.message", "text": "x" * 113}

Message = dict[str, Any]


@attrs.frozen
class Channel:
    """One channel: its two calls, each taking nothing but the message, and the error that says it is full."""

    send: Callable[[Message], Awaitable[None]]
    receive: Callable[[], Awaitable[object]]
    full: type[Exception]


@attrs.frozen
class Group:
    """A group of `MEMBERS` channels: its send, and for each delivery in turn the call that takes it."""

    send: Callable[[Message], Awaitable[None]]
    receives: tuple[Callable[[], Awaitable[object]], ...]


class _NeverFullError(Exception):
    """Not raised: a bare queue makes its senders wait."""


async def one_channel(channel: Channel, seconds: float) -> Sample:
    """P1: 20 senders and 1 receiver, bursts of 10,000 messages, for `seconds`; received per second."""
    return await _repeat(functools.partial(_burst, channel), BURST, seconds)


async def one_group(group: Group, seconds: float) -> Sample:
    """P2: a message to the group, then every member takes it, for `seconds`; deliveries per second."""
    return await _repeat(functools.partial(_broadcast, group), MEMBERS, seconds)


async def _repeat(step: Callable[[], Coroutine[Any, Any, None]], messages: int, seconds: float) -> Sample:
    await step()
    gc.collect()
    begin, cpu = time.perf_counter(), time.process_time()
    for steps in itertools.count(1):
        await step()
        took = time.perf_counter() - begin
        if took >= seconds:
            count = steps * messages
            return {
                "per_second": count / took,
                "per_cpu_second": per_cpu_second(count, time.process_time() - cpu),
            }
    raise AssertionError("unreachable")


async def _burst(channel: Channel) -> None:
    senders = [asyncio.ensure_future(_send_many(channel, BURST // SENDERS)) for _ in range(SENDERS)]
    receive = channel.receive
    for _ in range(BURST):
        await receive()
    await asyncio.gather(*senders)


async def _send_many(channel: Channel, count: int) -> None:
    send, full = channel.send, channel.full
    for _ in range(count):
        while True:
            try:
                await send(MESSAGE)
            except full:
                await asyncio.sleep(0)
            else:
                break


async def _broadcast(group: Group) -> None:
    await group.send(MESSAGE)
    for receive in group.receives:
        await receive()


def open_subject(path: str, capacity: int) -> Any:
    """Open a layer of our interface: a URL, or a dotted path `module:attribute` to a class or factory.

    Raises:
        BenchError: it cannot be found.
    """
    if "://" in path:
        from seaway.layers import open_layer

        return open_layer(path, capacity=capacity)
    module, _, attribute = path.replace(":", ".").rpartition(".")
    try:
        factory = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        message = f"no layer {path!r} ({error}): give a URL or a dotted path `module:Class`."
        raise BenchError(message) from error
    layer = factory(capacity=capacity)
    if layer.is_async:
        return layer
    from seaway.layers import to_async

    return to_async(layer)


def _queue_channel(capacity: int) -> Channel:
    queue: asyncio.Queue[Message] = asyncio.Queue(capacity)
    return Channel(queue.put, queue.get, _NeverFullError)


def _channels_layer(capacity: int) -> Any:
    return importlib.import_module("channels.layers").InMemoryChannelLayer(capacity=capacity)


def _channels_channel(capacity: int) -> Channel:
    layer = _channels_layer(capacity)
    full = importlib.import_module("channels.exceptions").ChannelFull
    return Channel(functools.partial(layer.send, "bench"), functools.partial(layer.receive, "bench"), full)


async def _channels_group() -> Group:
    layer = _channels_layer(100)
    names = [await layer.new_channel() for _ in range(MEMBERS)]
    for name in names:
        await layer.group_add("bench", name)
    receives = tuple(functools.partial(layer.receive, name) for name in names)
    return Group(functools.partial(layer.group_send, "bench"), receives)


def _layer_channel(layer: Any) -> Channel:
    receive = functools.partial(layer.receive, ["bench"])
    return Channel(functools.partial(layer.send, "bench"), receive, layer.ChannelFull)


async def _layer_group(layer: Any) -> Group:
    inbox = await layer.new_channel("bench!")
    for number in range(MEMBERS):
        await layer.group_add("bench", f"{inbox}{number}")
    receive = functools.partial(layer.receive, [inbox])
    return Group(functools.partial(layer.send_group, "bench"), (receive,) * MEMBERS)


async def measure(work: str, subject: str, capacity: int, seconds: float) -> Sample:
    """Measure one contender: `subject` is `"queue"`, `"channels"`, or what `open_subject` takes."""
    if subject == "queue":
        return await one_channel(_queue_channel(capacity), seconds)
    if subject == "channels":
        return await (
            one_channel(_channels_channel(capacity), seconds)
            if work == "P1"
            else one_group(await _channels_group(), seconds)
        )
    async with open_subject(subject, capacity) as layer:
        if work == "P1":
            return await one_channel(_layer_channel(layer), seconds)
        return await one_group(await _layer_group(layer), seconds)


@click.command()
@click.argument("work", type=click.Choice(["P1", "P2"]))
@click.argument("subject")
@click.option("--capacity", type=int, required=True)
@click.option("--seconds", type=float, required=True)
def main(work: str, subject: str, capacity: int, seconds: float) -> None:
    """Print the sample of SUBJECT in WORK as JSON."""
    try:
        sample = loops.run(measure(work, subject, capacity, seconds))
    except BenchError as error:
        sys.exit(str(error))
    click.echo(json.dumps(sample))


if __name__ == "__main__":
    main()

"""P1 and P2: that what is counted was sent and received."""

import asyncio
from typing import Any

import pytest

from seaway.conformance.bench import layer_load, loops
from seaway.conformance.bench.errors import BenchError


class _FullError(Exception):
    pass


class Ledger:
    """A channel in the shape of the benchmark: counts, and is full at 100."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.sent = self.refused = self.received = 0

    async def send(self, message: dict[str, Any]) -> None:
        if self.queue.qsize() >= 100:
            self.refused += 1
            raise _FullError
        self.sent += 1
        self.queue.put_nowait(message)

    async def receive(self) -> object:
        self.received += 1
        return await self.queue.get()


def test_every_message_of_a_burst_is_sent_once_and_received_once_although_the_channel_fills() -> None:
    ledger = Ledger()
    channel = layer_load.Channel(ledger.send, ledger.receive, _FullError)

    sample = loops.run(layer_load.one_channel(channel, 0.0))

    # One burst to warm up, one that is timed.
    assert ledger.sent == ledger.received == 2 * layer_load.BURST
    assert ledger.refused > 0
    assert ledger.queue.empty()
    assert sample.keys() == {"per_second", "per_cpu_second"}
    assert min(sample.values()) > 0


def test_every_member_takes_each_group_message() -> None:
    taken: list[int] = []

    async def send(message: dict[str, Any]) -> None:
        taken.append(-1)

    def receive(number: int) -> Any:
        async def take() -> object:
            taken.append(number)
            return None

        return take

    group = layer_load.Group(send, tuple(receive(number) for number in range(3)))

    loops.run(layer_load.one_group(group, 0.0))

    assert taken == [-1, 0, 1, 2] * 2


@pytest.mark.parametrize("path", ["seaway.layers:MemoryLayer", "memory://bench-test"])
@pytest.mark.parametrize("work", ["P1", "P2"])
def test_our_layer_takes_part_by_path_and_by_url(work: str, path: str) -> None:
    sample = loops.run(layer_load.measure(work, path, capacity=100, seconds=0.0))

    assert sample["per_second"] > 0


def test_a_layer_that_does_not_exist_is_named() -> None:
    with pytest.raises(BenchError, match=r"no layer 'seaway\.layers:NoLayer'"):
        layer_load.open_subject("seaway.layers:NoLayer", 100)

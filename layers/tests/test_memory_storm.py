"""The big one: objects in threads, on asyncio and on trio, all on one hub, with random cancellation.

Accepted = delivered + announced, nothing twice, order kept, over 100,000 messages. Set `SEAWAY_STORM_SEED` to repeat
a run's decisions (not its timing).
"""

from __future__ import annotations

import asyncio
import os
import random
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
import trio

from seaway.layers import MemoryLayer, SyncMemoryLayer

SHARE = 25_000
"""Messages that each of the four senders gets accepted, at least; one to the group counts for each inbox."""
PREFILLED = 400
"""Group messages before anybody reads: more than an inbox holds."""
CHANNELS = ["work.0", "work.1", "work.2"]
OPTIONS: dict[str, Any] = {"capacity": 200, "inbox_capacity": 300}


class Ledger:
    """What was accepted, delivered and announced. Each list has one writer, so nothing here needs a lock."""

    def __init__(self) -> None:
        self.accepted: dict[str, list[tuple[str, str, int]]] = defaultdict(list)
        self.delivered: dict[str, list[tuple[str, str, int]]] = defaultdict(list)
        self.announced: dict[str, int] = defaultdict(int)
        self.inboxes: dict[str, str] = {}
        self.cancelled = 0
        self.sent = threading.Event()
        self._sending = 4
        self._lock = threading.Lock()

    def sender_is_done(self) -> None:
        with self._lock:
            self._sending -= 1
            if not self._sending:
                self.sent.set()

    def take(self, receiver: str, channel: str | None, message: Any) -> None:
        if channel is None:
            return
        if message["type"] == "layer.gap":
            assert message["reason"] in ("overflow", "expired")
            self.announced[receiver] += message["dropped"]
        else:
            self.delivered[receiver].append((channel, message["sender"], message["number"]))


def plan(sender: str, seed: int, ledger: Ledger) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What *sender* does, step by step: method, target, message; until its share was accepted."""
    dice = random.Random(f"{seed} {sender}")
    inboxes = sorted(ledger.inboxes.values())
    for number in count():
        if len(ledger.accepted[sender]) >= SHARE:
            return
        message = {"type": "storm.message", "sender": sender, "number": number}
        if dice.random() < 0.1:
            message["nested"] = [number, {"deep": [number]}]
        kind = dice.random()
        if kind < 0.4:
            yield "send", dice.choice(CHANNELS), message
        elif kind < 0.65:
            yield "send", dice.choice(inboxes) + "1", message
        else:
            yield "send_group", "room", message


def note_accepted(ledger: Ledger, sender: str, method: str, target: str, number: int) -> None:
    targets = [inbox + "1" for inbox in ledger.inboxes.values()] if method == "send_group" else [target]
    ledger.accepted[sender].extend((channel, sender, number) for channel in targets)


def prefill(hub: str, ledger: Ledger) -> None:
    with SyncMemoryLayer(name=hub, **OPTIONS) as layer:
        for number in range(PREFILLED):
            layer.send_group("room", {"type": "storm.message", "sender": "prefill", "number": number})
            note_accepted(ledger, "prefill", "send_group", "room", number)


def threads_world(hub: str, seed: int, ledger: Ledger, ready: threading.Barrier) -> list[Callable[[], None]]:
    def send(name: str, expiry: float) -> None:
        with SyncMemoryLayer(name=hub, channel_expiry={"*!*": expiry}, **OPTIONS) as layer:
            ready.wait()
            for method, target, message in plan(name, seed, ledger):
                try:
                    getattr(layer, method)(target, message)
                except layer.ChannelFull:
                    continue
                note_accepted(ledger, name, method, target, message["number"])
            ledger.sender_is_done()

    def receive(name: str, own: bool) -> None:
        dice = random.Random(f"{seed} {name}")
        with SyncMemoryLayer(name=hub, **OPTIONS) as layer:
            channels = list(CHANNELS)
            if own:
                channels = [layer.new_channel("thread!")]
                layer.group_add("room", channels[0] + "1")
                ledger.inboxes[name] = channels[0]
            ready.wait()
            while True:
                done = ledger.sent.is_set()
                received = layer.receive(channels, dice.choice((0, 0.0001, 0.001)))
                ledger.take(name, *received)
                if done and received[0] is None:
                    return

    return [
        lambda: send("thread-send", 60),
        lambda: send("thread-hasty", 0.0005),
        lambda: receive("thread-work", own=False),
        lambda: receive("thread-inbox", own=True),
    ]


def asyncio_world(hub: str, seed: int, ledger: Ledger, ready: threading.Barrier) -> list[Callable[[], None]]:
    async def send(layer: MemoryLayer, name: str) -> None:
        for method, target, message in plan(name, seed, ledger):
            try:
                await getattr(layer, method)(target, message)
            except layer.ChannelFull:
                await asyncio.sleep(0)
                continue
            note_accepted(ledger, name, method, target, message["number"])
        ledger.sender_is_done()

    async def receive(layer: MemoryLayer, name: str, channels: list[str]) -> None:
        dice = random.Random(f"{seed} {name}")
        while True:
            done = ledger.sent.is_set()
            call = asyncio.create_task(layer.receive(channels, dice.choice((0, None, 0.001))))
            for _ in range(dice.randrange(4)):
                await asyncio.sleep(0)
            if dice.random() < 0.1:
                await asyncio.sleep(0.0005)
            if dice.random() < 0.5:
                call.cancel()
            if not (await asyncio.wait([call], timeout=0.002))[0]:
                call.cancel()
                await asyncio.wait([call])
            if call.cancelled():
                ledger.cancelled += 1
            else:
                ledger.take(name, *call.result())
            if done and await drain(layer, name, channels):
                return

    async def drain(layer: MemoryLayer, name: str, channels: list[str]) -> bool:
        while True:
            received = await layer.receive(channels, 0)
            if received[0] is None:
                return True
            ledger.take(name, *received)

    async def main() -> None:
        async with MemoryLayer(name=hub, **OPTIONS) as layer, MemoryLayer(name=hub, **OPTIONS) as owner:
            inbox = await owner.new_channel("asyncio!")
            await owner.group_add("room", inbox + "1")
            ledger.inboxes["asyncio-inbox"] = inbox
            await asyncio.to_thread(ready.wait)
            receivers = [
                asyncio.create_task(receive(layer, "asyncio-work", CHANNELS)),
                asyncio.create_task(receive(layer, "asyncio-work-2", CHANNELS[1:])),
                asyncio.create_task(receive(owner, "asyncio-inbox", [inbox])),
            ]
            await send(layer, "asyncio-send")
            await asyncio.gather(*receivers)

    return [lambda: asyncio.run(main())]


def trio_world(hub: str, seed: int, ledger: Ledger, ready: threading.Barrier) -> list[Callable[[], None]]:
    async def send(layer: MemoryLayer, name: str) -> None:
        for method, target, message in plan(name, seed, ledger):
            try:
                await getattr(layer, method)(target, message)
            except layer.ChannelFull:
                await trio.lowlevel.checkpoint()
                continue
            note_accepted(ledger, name, method, target, message["number"])
        ledger.sender_is_done()

    async def receive(layer: MemoryLayer, name: str, channels: list[str]) -> None:
        dice = random.Random(f"{seed} {name}")
        while True:
            done = ledger.sent.is_set()
            received: Any = (None, None)
            with trio.move_on_after(dice.choice((0, 0.0001, 0.001))):
                received = await layer.receive(channels, dice.choice((0, None, 0.0005)))
            ledger.take(name, *received)
            await trio.lowlevel.checkpoint()
            if done and received[0] is None:
                received = await layer.receive(channels, 0)
                ledger.take(name, *received)
                if received[0] is None:
                    return

    async def main() -> None:
        async with MemoryLayer(name=hub, **OPTIONS) as layer, MemoryLayer(name=hub, **OPTIONS) as owner:
            inbox = await owner.new_channel("trio!")
            await owner.group_add("room", inbox + "1")
            ledger.inboxes["trio-inbox"] = inbox
            await trio.to_thread.run_sync(ready.wait)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(receive, layer, "trio-work", CHANNELS)
                nursery.start_soon(receive, owner, "trio-inbox", [inbox])
                await send(layer, "trio-send")

    return [lambda: trio.run(main)]


@pytest.mark.parametrize("seed", [int(os.environ.get("SEAWAY_STORM_SEED", "1"))])
def test_in_a_storm_all_that_was_accepted_is_delivered_once_in_order_or_announced(seed: int, hub_name: str) -> None:
    ledger = Ledger()
    errors: list[BaseException] = []
    ready = threading.Barrier(6, action=lambda: prefill(hub_name, ledger))

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)
            ledger.sent.set()
            ready.abort()

    works = [
        work for world in (threads_world, asyncio_world, trio_world) for work in world(hub_name, seed, ledger, ready)
    ]
    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors

    delivered = [entry for entries in ledger.delivered.values() for entry in entries]
    accepted = Counter(entry for entries in ledger.accepted.values() for entry in entries)
    assert sum(accepted.values()) >= 100_000
    assert ledger.cancelled > 100
    assert max(Counter(delivered).values()) == 1, "something was delivered twice"
    assert not set(delivered) - set(accepted), "something was delivered that was not accepted"

    for receiver, entries in ledger.delivered.items():
        last: dict[tuple[str, str], int] = {}
        for channel, sender, number in entries:
            assert number > last.get((channel, sender), -1), f"{receiver}: {sender} out of order on {channel}"
            last[channel, sender] = number

    arrived = Counter(channel for channel, _, _ in delivered)
    wanted = Counter(channel for channel, _, _ in accepted)
    for channel in CHANNELS:
        assert arrived[channel] == wanted[channel]
    for name, inbox in ledger.inboxes.items():
        assert ledger.announced[name] >= PREFILLED - OPTIONS["inbox_capacity"]
        assert arrived[inbox + "1"] + ledger.announced[name] == wanted[inbox + "1"], name

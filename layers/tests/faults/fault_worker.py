"""One process of a fault run: ``python fault_worker.py``. It reads its part as one line of JSON, and logs every call.

It writes its inbox's name when it is ready, and then obeys lines: ``quiet`` ends its senders, ``end`` its readers, once
nothing has come for a while. Each answer is one line.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
from attrs import frozen

from seaway.conformance.recorder import AsyncRecorded, Recorder, SyncRecorded
from seaway.layers import open_layer

EMPTY_SECONDS = 1.5
"""After so long without a message a reader that was told to end believes that nothing is left."""
CHANNELS = ("work.0", "work.1")


@frozen(kw_only=True)
class Part:
    """What one process does.

    Args:
        name: its name in the log.
        log: its log file.
        url: the layer's.
        options: the layer's.
        kind: ``"asyncio"``, ``"trio"`` or ``"sync"``.
        reads: whether it owns an inbox, is in the group, and reads the normal channels.
        slow: seconds between one ``receive`` and the next.
        cancels: whether most ``receive`` calls are cancelled after 0 to 4 ms.
        senders: how many send at the same time.
        pause: seconds between two sends of one of them.
        inboxes: whom they send to.
    """

    name: str
    log: str
    url: str
    options: dict[str, Any]
    kind: str = "asyncio"
    reads: bool = False
    slow: float = 0.0
    cancels: bool = False
    senders: int = 0
    pause: float = 0.01
    inboxes: tuple[str, ...] = ()


class Plan:
    """What a sender does next. Each message has an ``id`` of its own."""

    def __init__(self, part: Part, number: int) -> None:
        self._part = part
        self._dice = random.Random(f"{part.name} {number}")
        self._number = number
        self._count = 0

    def next(self) -> tuple[str, str, dict[str, Any]]:
        """Return method, target and message."""
        self._count += 1
        message = {"type": "fault.message", "id": f"{self._part.name}.{self._number}.{self._count}"}
        kind = self._dice.random()
        if kind < 0.3 or not self._part.inboxes:
            return "send", self._dice.choice(CHANNELS), message
        if kind < 0.7:
            return "send", f"{self._dice.choice(self._part.inboxes)}1", message
        return "send_group", "room", message


def say(**what: Any) -> None:
    """Write one line."""
    print(json.dumps(what), flush=True)


class Orders:
    """What the process has been told."""

    def __init__(self) -> None:
        self.quiet = False
        self.end = False

    def listen(self) -> None:
        """Obey until standard input ends."""
        for line in sys.stdin:
            self.quiet = self.quiet or line.strip() in ("quiet", "end")
            self.end = self.end or line.strip() == "end"
        self.quiet = self.end = True


def sources_of(inbox: str) -> list[list[str]]:
    """Return what the readers of the process receive from: one from several places, one from one channel only."""
    return [[inbox, CHANNELS[1]], [CHANNELS[0]]] if inbox else []


async def send_async(part: Part, layer: Any, number: int, orders: Orders) -> None:
    """Send until told to be quiet."""
    plan = Plan(part, number)
    while not orders.quiet:
        method, target, message = plan.next()
        try:
            await getattr(layer, method)(target, message)
        except (ConnectionError, layer.ChannelFull):
            await anyio.sleep(0.01)
        await anyio.sleep(part.pause)


async def read_async(part: Part, layer: Any, sources: list[str], orders: Orders) -> None:
    """Receive until told to end, and nothing is left."""
    dice = random.Random(f"{part.name} {sources}")
    while True:
        if part.slow and not orders.end:
            await anyio.sleep(part.slow)
        if orders.end:
            if (await layer.receive(sources, EMPTY_SECONDS))[0] is None:
                return
        elif part.cancels and dice.random() < 0.8:
            with anyio.move_on_after(dice.random() * 0.004):
                await layer.receive(sources)
        else:
            await layer.receive(sources, 0.2)


async def work_async(part: Part, recorder: Recorder, orders: Orders) -> None:
    """Do this part with an asynchronous layer object."""
    raw = open_layer(part.url, is_async=True, **part.options)
    layer: Any = AsyncRecorded(raw, recorder, "a")
    layer.ChannelFull = raw.ChannelFull
    inbox = ""
    if part.reads:
        inbox = await raw.new_channel("fault!")
        await layer.group_add("room", f"{inbox}1")
    say(inbox=inbox)
    async with anyio.create_task_group() as tasks:
        for number in range(part.senders):
            tasks.start_soon(send_async, part, layer, number, orders)
        for sources in sources_of(inbox):
            tasks.start_soon(read_async, part, layer, sources, orders)
    await layer.close()


def work_sync(part: Part, recorder: Recorder, orders: Orders) -> None:
    """Do this part with a synchronous layer object."""
    raw = open_layer(part.url, is_async=False, **part.options)
    layer: Any = SyncRecorded(raw, recorder, "s")
    inbox = ""
    if part.reads:
        inbox = raw.new_channel("fault!")
        layer.group_add("room", f"{inbox}1")
    say(inbox=inbox)

    def send(number: int) -> None:
        plan = Plan(part, number)
        while not orders.quiet:
            method, target, message = plan.next()
            try:
                getattr(layer, method)(target, message)
            except (ConnectionError, raw.ChannelFull):
                time.sleep(0.01)
            time.sleep(part.pause)

    def read(sources: list[str]) -> None:
        while True:
            if part.slow and not orders.end:
                time.sleep(part.slow)
            ending = orders.end
            received = layer.receive(sources, EMPTY_SECONDS if ending else 0.2)
            if ending and received[0] is None:
                return

    threads = [threading.Thread(target=send, args=(number,)) for number in range(part.senders)]
    threads += [threading.Thread(target=read, args=(sources,)) for sources in sources_of(inbox)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    layer.close()


def main() -> None:
    """Do the part that stands in the first line."""
    part = Part(**json.loads(sys.stdin.readline()))
    recorder = Recorder.to_file(part.name, Path(part.log))
    orders = Orders()
    threading.Thread(target=orders.listen, daemon=True).start()
    if part.kind == "sync":
        work_sync(part, recorder, orders)
    else:
        anyio.run(work_async, part, recorder, orders, backend=part.kind)
    say(ended=True)


if __name__ == "__main__":
    main()

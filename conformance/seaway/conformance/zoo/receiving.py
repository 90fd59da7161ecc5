"""Mutants of `receive`: waiting, cancellation, fairness, and what it refuses."""

from __future__ import annotations

from collections import deque
from typing import Any, ClassVar

import anyio

from seaway.conformance.zoo.broker import Entry, Message
from seaway.conformance.zoo.model import ModelLayer
from seaway.conformance.zoo.mutants import breaks

Found = tuple[str, Message] | None


class _TakesThenWaits(ModelLayer):
    """Between the take and the return another task may run, and a cancellation arrive."""

    async def wait(self, names: list[str], deadline: float) -> tuple[str | None, Message | None]:
        channel, message = await super().wait(names, deadline)
        if channel is not None and message is not None:
            try:
                await anyio.lowlevel.checkpoint()
            except BaseException:
                self.give_back(channel, message)
                raise
        return channel, message

    def give_back(self, channel: str, message: Message) -> None:
        """What becomes of a message whose call was cancelled."""


@breaks("LAY-075", "LAY-076")
class LosesOnCancel(_TakesThenWaits):
    """A cancelled receive loses what it had taken."""


@breaks("LAY-075", "LAY-073", "LAY-076")
class DoublesOnCancel(_TakesThenWaits):
    """A cancelled receive gives its message back, twice."""

    def give_back(self, channel: str, message: Message) -> None:
        for _ in range(2):
            self._queue(channel).appendleft(Entry(channel, message, self.deadline(None), 1))
        self.space.notify()

    def _queue(self, channel: str) -> deque[Entry]:
        inbox = self.own.get(channel.partition("!")[0] + "!")
        return inbox.entries if inbox is not None else self.space.channels.setdefault(channel, deque())


@breaks("LAY-076")
class GivesBackToTheTail(DoublesOnCancel):
    """A cancelled receive gives its message back to the end of the channel."""

    def give_back(self, channel: str, message: Message) -> None:
        self._queue(channel).append(Entry(channel, message, self.deadline(None), 1))
        self.space.notify()


@breaks("LAY-076")
class KeepsForItself(DoublesOnCancel):
    """What a cancelled receive had taken waits for this object alone."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._kept: deque[tuple[str, Message]] = deque()

    def give_back(self, channel: str, message: Message) -> None:
        if "!" in channel:
            self._queue(channel).appendleft(Entry(channel, message, self.deadline(None), 1))
        else:
            self._kept.append((channel, message))

    def take(self, names: list[str]) -> Found:
        for kept in list(self._kept):
            if kept[0] in names:
                self._kept.remove(kept)
                return kept
        return super().take(names)


@breaks("LAY-054", "LAY-076")
class RequeuesWhatOthersHold(ModelLayer):
    """A receive takes what another object has just taken for lost, and gives it again."""

    _held: ClassVar[dict[tuple[int, str], tuple[ModelLayer, Entry]]] = {}

    def pop_normal(self, name: str) -> Entry | None:
        holder, held = self._held.pop((id(self.space), name), (self, None))
        if holder is not self and held is not None and held.deadline > self.broker.now():
            return held
        entry = super().pop_normal(name)
        if entry is not None:
            self.counters["popped"] += 1
            if self.counters["popped"] % 10 == 0:
                self._held[id(self.space), name] = (self, entry)
        return entry


@breaks("LAY-073")
class GivesToTwoReaders(ModelLayer):
    """Of several calls that wait for one channel two may get the same message."""

    async def wait(self, names: list[str], deadline: float) -> tuple[str | None, Message | None]:
        self.counters["reading"] += len(names) == 1 and names[0] not in self.own
        try:
            return await super().wait(names, deadline)
        finally:
            self.counters["reading"] -= len(names) == 1 and names[0] not in self.own

    def pop_normal(self, name: str) -> Entry | None:
        entry = super().pop_normal(name)
        if entry is not None and self.counters["reading"] > 1:
            self.counters["contended"] += 1
            if self.counters["contended"] % 8 == 0:
                self.space.channels[name].appendleft(entry)
        return entry


@breaks("LAY-053", "LAY-073")
class OneReaderOnly(ModelLayer):
    """A normal channel admits one receive of an object at a time."""

    async def wait(self, names: list[str], deadline: float) -> tuple[str | None, Message | None]:
        normal = [name for name in names if not name.endswith("!")]
        if any(self.counters[f"reading {name}"] for name in normal):
            raise RuntimeError("another receive waits")
        for name in normal:
            self.counters[f"reading {name}"] += 1
        try:
            return await super().wait(names, deadline)
        finally:
            for name in normal:
                self.counters[f"reading {name}"] -= 1


@breaks("LAY-052")
class SecondReaderWaitsToo(ModelLayer):
    """A second receive on an inbox is let through."""

    async def wait(self, names: list[str], deadline: float) -> tuple[str | None, Message | None]:
        for name in names:
            if name in self.own:
                self.own[name].reading = False
        return await super().wait(names, deadline)


@breaks("LAY-055")
class FirstNameFirst(ModelLayer):
    """A message of the first channel in the list always comes first."""

    def take(self, names: list[str]) -> Found:
        self.served = {name: index for index, name in enumerate(names)}
        return super().take(names)


@breaks("LAY-040")
class HalvesTimeouts(ModelLayer):
    """A receive gives up after half of its timeout."""

    async def wait(self, names: list[str], deadline: float) -> tuple[str | None, Message | None]:
        now = anyio.current_time()
        return await super().wait(names, deadline if deadline - now > 1 else now + (deadline - now) / 2)


@breaks("LAY-041", "LAY-023", "LAY-072", "LAY-049", "LAY-052")
class NeverWaitsLong(ModelLayer):
    """A receive without timeout gives up after a moment."""

    async def wait(self, names: list[str], deadline: float) -> tuple[str | None, Message | None]:
        return await super().wait(names, min(deadline, anyio.current_time() + 30))

    async def receive(self, channels: Any, timeout: Any = None) -> tuple[str | None, Message | None]:
        return await super().receive(channels, 0.03 if timeout is None else timeout)


@breaks("LAY-043", "LAY-042")
class FindsLater(ModelLayer):
    """A message can be received a moment after send has returned."""

    def put(self, channel: str, message: Message, size: int) -> None:
        super().put(channel, message, size)
        self.counters[f"hidden until {channel}"] = int((self.broker.now() + 0.01) * 1e6)

    async def receive(self, channels: Any, timeout: Any = None) -> tuple[str | None, Message | None]:
        if type(timeout) is int and timeout == 0 and type(channels) is list:
            for name in channels:
                names = [key for key in self.counters if key.startswith(f"hidden until {name}")]
                if any(self.counters[key] > self.broker.now() * 1e6 for key in names):
                    self.check_sources(channels)
                    await anyio.lowlevel.checkpoint()
                    return None, None
        return await super().receive(channels, timeout)


@breaks("LAY-048")
class TakesAnyTimeout(ModelLayer):
    """A timeout below 0 or NaN is taken for 0."""

    def check_timeout(self, timeout: Any) -> None:
        if not isinstance(timeout, (int, float)):
            super().check_timeout(timeout)


@breaks("LAY-045")
class TakesAStr(ModelLayer):
    """A str is taken for a list of one channel."""

    def check_sources(self, channels: Any) -> list[str]:
        return super().check_sources([channels] if isinstance(channels, str) and channels else channels)


@breaks("LAY-044")
class ChecksOneByOne(ModelLayer):
    """What is at hand on the first channel is taken before the next name is looked at."""

    async def receive(self, channels: Any, timeout: Any = None) -> tuple[str | None, Message | None]:
        if isinstance(channels, list) and len(channels) > 1 and timeout == 0 and "!" not in str(channels[0]):
            self.enter()
            if (found := self.take(self.check_sources(channels[:1]))) is not None:
                return found
        return await super().receive(channels, timeout)


@breaks("LAY-046")
class ReadsForeignInboxes(ModelLayer):
    """Any object may receive from any inbox."""

    def check_sources(self, channels: Any) -> list[str]:
        known = [name for name in channels if name in self.space.inboxes] if isinstance(channels, list) else []
        foreign = [name for name in known if name not in self.own]
        return (
            super().check_sources([name for name in channels if name not in foreign] or ["work"])
            if foreign
            else super().check_sources(channels)
        )


@breaks("LAY-047", "LAY-044")
class ReadsLocalNames(ModelLayer):
    """A process-local name is taken for its inbox."""

    def check_sources(self, channels: Any) -> list[str]:
        if isinstance(channels, (list, tuple)):
            channels = [self._inbox(name) for name in channels]
        return super().check_sources(channels)

    def _inbox(self, name: Any) -> Any:
        inbox = name.partition("!")[0] + "!" if isinstance(name, str) and name.count("!") == 1 else name
        return inbox if inbox in self.own and name[len(inbox) :].isalnum() else name


@breaks("LAY-049")
class CountsNamesTwice(ModelLayer):
    """A channel named twice is refused."""

    def check_sources(self, channels: Any) -> list[str]:
        names = super().check_sources(channels)
        if len(names) != len(channels):
            raise ValueError("a channel twice")
        return names

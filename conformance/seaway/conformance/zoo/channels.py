"""Mutants of names, capacity, order and expiry."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from math import inf
from typing import Any, ClassVar

import anyio

from seaway.conformance.zoo.broker import Entry, Inbox, Message, Space
from seaway.conformance.zoo.model import ModelLayer
from seaway.conformance.zoo.mutants import breaks

_MACHINE = time.time() - time.monotonic()


@breaks("LAY-001")
class TakesNewlinesInNames(ModelLayer):
    """The name of a channel may end in a newline: a pattern that ends in a dollar."""

    def check_channel(self, channel: Any) -> None:
        super().check_channel(channel.removesuffix("\n") if isinstance(channel, str) else channel)


@breaks("LAY-002", "GRP-004")
class TakesAnyGroup(ModelLayer):
    """The name of a group is not looked at."""

    def check_group(self, group: Any) -> None:
        if not isinstance(group, str) or len(group) > 200:
            raise ValueError("a group is a str")


@breaks("LAY-003")
class NamesAreShorter(ModelLayer):
    """A name has at most 199 characters."""

    def check_channel(self, channel: Any) -> None:
        super().check_channel(channel)
        if len(channel) > 199:
            raise ValueError("too long")


@breaks("LAY-003")
class NamesAreLonger(ModelLayer):
    """A name may be as long as it likes."""

    def check_channel(self, channel: Any) -> None:
        if isinstance(channel, str) and len(channel) > 200 and channel.isalnum():
            return
        super().check_channel(channel)


@breaks("LAY-005")
class ConfusesGroupsWithChannels(ModelLayer):
    """What is sent to a group goes to the channel of the same name too."""

    async def send_group(self, group: str, message: Message) -> None:
        await super().send_group(group, message)
        with suppress(self.ChannelFull):
            self.put(group, self.check_message(message), 1)


@breaks("LAY-080", "LAY-081", "LAY-082", "LAY-031", "LAY-017", "LAY-010", "LAY-108")
class HoldsOneMore(ModelLayer):
    """A channel holds one message more than its capacity."""

    def limit(self, globs: Mapping[str, Any], default: Any, channel: str) -> Any:
        found = super().limit(globs, default, channel)
        return found + 1 if globs is self.options.channel_capacity else found


@breaks("LAY-081")
class CountsThenWaits(ModelLayer):
    """Capacity is looked at, and then another call may come between."""

    async def send(self, channel: str, message: Message) -> None:
        self.enter()
        if "!" not in str(channel) and isinstance(channel, str):
            self.drop_expired(queue := self.space.channels.get(channel, deque()))
            if len(queue) < self.limit(self.options.channel_capacity, self.options.capacity, channel):
                copy = self.check_message(message)
                await anyio.lowlevel.checkpoint()
                self._roomy = True
                try:
                    await super().send(channel, copy)
                finally:
                    self._roomy = False
                return
        await super().send(channel, message)

    def put_normal(self, channel: str, entry: Entry) -> None:
        if getattr(self, "_roomy", False):
            self.space.channels.setdefault(channel, deque()).append(entry)
        else:
            super().put_normal(channel, entry)


@breaks("LAY-082")
class CountsTheExpired(ModelLayer):
    """Messages that have expired count against the capacity until somebody receives."""

    def put_normal(self, channel: str, entry: Entry) -> None:
        queue = self.space.channels.setdefault(channel, deque())
        if len(queue) >= self.limit(self.options.channel_capacity, self.options.capacity, channel):
            raise self.ChannelFull(channel)
        queue.append(entry)


@breaks("LAY-083")
class BindsLocalChannels(ModelLayer):
    """capacity binds process-local channels too."""

    def put(self, channel: str, message: Message, size: int) -> None:
        inbox = self.space.inboxes.get(channel.partition("!")[0] + "!")
        if inbox is not None and sum(entry.channel == channel for entry in inbox.entries) >= self.capacity:
            raise self.ChannelFull(channel)
        super().put(channel, message, size)


@breaks("LAY-080")
class FirstCapacityStays(ModelLayer):
    """The capacity of the object that first sent to a channel counts for everybody."""

    _first: ClassVar[dict[tuple[int, str], int]] = {}

    def put_normal(self, channel: str, entry: Entry) -> None:
        own = self.limit(self.options.channel_capacity, self.options.capacity, channel)
        capacity = self._first.setdefault((id(self.space), channel), own)
        queue = self.space.channels.setdefault(channel, deque())
        self.drop_expired(queue)
        if len(queue) >= capacity:
            raise self.ChannelFull(channel)
        queue.append(entry)


class _ChangesInboxes(ModelLayer):
    """Makes inboxes of another class."""

    inbox_class: type[Inbox] = Inbox

    async def new_channel(self, pattern: str) -> str:
        name = await super().new_channel(pattern)
        options = self.options
        inbox = self.inbox_class(name, self, options.inbox_capacity, options.inbox_bytes)
        self.own[name] = self.space.inboxes[name] = inbox
        return name


@breaks("LAY-084")
class IgnoresInboxBytes(_ChangesInboxes):
    """An inbox counts messages only."""

    class inbox_class(Inbox):  # noqa: N801 - it is an attribute
        """Without a bound of bytes."""

        def has_room(self, size: int) -> bool:
            return super().has_room(-inf)  # type: ignore[arg-type]


@breaks("LAY-084", "LAY-085")
class BoundsEachLocalChannel(ModelLayer):
    """The bound of an inbox is counted for each channel under it."""

    def put(self, channel: str, message: Message, size: int) -> None:
        inbox = self.space.inboxes.get(channel.partition("!")[0] + "!")
        if inbox is not None:
            of_channel = sum(entry.channel == channel for entry in inbox.entries)
            if of_channel < inbox.capacity and sum(entry.size for entry in inbox.entries) + size <= inbox.max_bytes:
                inbox.entries.append(Entry(channel, message, self.deadline(channel), size))
                return
        super().put(channel, message, size)


@breaks("LAY-085", "LAY-084", "GAP-002", "GAP-003")
class DropsForFullInboxes(ModelLayer):
    """What is sent to a full inbox is dropped and nobody is told."""

    def put(self, channel: str, message: Message, size: int) -> None:
        try:
            super().put(channel, message, size)
        except self.ChannelFull:
            if "!" not in channel:
                raise


@breaks("LAY-031", "LAY-080", "LAY-081", "GAP-003", "LAY-017", "LAY-010")
class DeliversWhatItRefused(ModelLayer):
    """A full channel raises, and takes the message once there is room."""

    _late: ClassVar[dict[tuple[str, str], list[Entry]]] = {}

    def put_normal(self, channel: str, entry: Entry) -> None:
        try:
            super().put_normal(channel, entry)
        except self.ChannelFull:
            self._late.setdefault((self.options.namespace, channel), []).append(entry)
            raise

    def pop_normal(self, name: str) -> Entry | None:
        entry = super().pop_normal(name)
        for late in self._late.pop((self.options.namespace, name), []):
            self.space.channels[name].append(late)
        return entry


@breaks("LAY-077", "LAY-078")
class OldestAmongTheNewest(ModelLayer):
    """When many wait, the second is given before the first."""

    def pop_normal(self, name: str) -> Entry | None:
        queue = self.space.channels.get(name, deque())
        self.drop_expired(queue)
        if len(queue) > 50:
            queue.rotate(-1)
            entry = queue.popleft()
            queue.rotate(1)
            return entry
        return queue.popleft() if queue else None


@breaks("LAY-077", "LAY-086", "GAP-006", "GAP-012", "GAP-002")
class GroupsGoAnotherWay(ModelLayer):
    """Group messages overtake what was sent directly."""

    def put_member(self, member: str, message: Message, size: int) -> None:
        inbox = self.space.inboxes[member.partition("!")[0] + "!"]
        super().put_member(member, message, size)
        if inbox.entries[-1].size and not inbox.entries[0].message.get("reason"):
            inbox.entries.rotate(1)


@breaks("LAY-078")
class OrdersBySender(ModelLayer):
    """Each sender has a queue of its own at a normal channel."""

    def pop_normal(self, name: str) -> Entry | None:
        queue = self.space.channels.get(name, deque())
        self.drop_expired(queue)
        if not queue:
            return None
        entry = next((entry for entry in queue if entry.sender is queue[-1].sender), queue[0])
        queue.remove(entry)
        return entry


@breaks("LAY-093")
class OrdersBySendersClock(ModelLayer):
    """Messages are in the order of the senders' clocks."""

    def pop_normal(self, name: str) -> Entry | None:
        queue = self.space.channels.get(name, deque())
        self.drop_expired(queue)
        if not queue:
            return None
        entry = min(queue, key=lambda entry: entry.clock)
        queue.remove(entry)
        return entry


@breaks("LAY-092")
class ExpiresBySendersClock(ModelLayer):
    """A message expires by the clock of its sender."""

    def deadline(self, channel: str | None) -> float:
        return super().deadline(channel) + time.time() - _MACHINE - time.monotonic()


@breaks("LAY-088", "LAY-082", "LAY-090", "GAP-016", "GAP-013")
class NeverExpiresOnNormalChannels(ModelLayer):
    """Nothing expires on a normal channel."""

    def drop_expired(self, queue: deque[Entry]) -> None:
        self.without_rubbish(queue)


@breaks("LAY-089")
class CutsExpiry(ModelLayer):
    """An hour is cut to a second."""

    def deadline(self, channel: str | None) -> float:
        return super().deadline(channel) if self.expiry < 3600 else self.broker.now() + 1


@breaks("LAY-090", "LAY-088", "LAY-089", "GAP-006")
class ForgetsChannelExpiry(ModelLayer):
    """channel_expiry is taken and forgotten."""

    def deadline(self, channel: str | None) -> float:
        return self.broker.now() + self.expiry


@breaks("LAY-091", "GAP-006")
class ExpiresGroupsByChannel(ModelLayer):
    """channel_expiry counts for group messages."""

    def deadline(self, channel: str | None) -> float:
        return super().deadline(channel or "any")


@breaks("LAY-090", "LAY-082", "LAY-088")
class LastExpiryCounts(ModelLayer):
    """A send renews the deadline of all that waits in the channel."""

    def put_normal(self, channel: str, entry: Entry) -> None:
        for waiting in self.space.channels.get(channel, ()):
            waiting.deadline = max(waiting.deadline, entry.deadline)
        super().put_normal(channel, entry)


@breaks("LAY-017")
class GlobsIgnoreCase(ModelLayer):
    """A glob does not tell capitals from small letters."""

    def limit(self, globs: Mapping[str, Any], default: Any, channel: str) -> Any:
        return super().limit({glob.lower(): globs[glob] for glob in globs}, default, channel.lower())


@breaks("LAY-017", "LAY-090")
class LastGlobWins(ModelLayer):
    """The last glob that matches counts."""

    def limit(self, globs: Mapping[str, Any], default: Any, channel: str) -> Any:
        return super().limit(dict(reversed(list(globs.items()))), default, channel)


@breaks("LAY-017")
class GlobsMatchParts(ModelLayer):
    """A glob need only match the beginning of a name."""

    def limit(self, globs: Mapping[str, Any], default: Any, channel: str) -> Any:
        return super().limit({f"{glob}*": globs[glob] for glob in globs}, default, channel)


@breaks("LAY-018", "LAY-103")
class SharesNormalChannels(ModelLayer):
    """Objects with different namespaces meet on normal channels."""

    _spaces: ClassVar[dict[int, Space]] = {}

    @property
    def space(self) -> Space:
        found = super().space
        first = self.options.namespace.removesuffix("-2")
        found.channels = self.broker.space(first).channels
        return found


@breaks("LAY-018")
class SharesGroups(ModelLayer):
    """Objects with different namespaces meet in groups."""

    def targets(self, group: str) -> list[str]:
        if self.options.namespace.endswith("-2"):
            return list(self.broker.space(self.options.namespace.removesuffix("-2")).groups.get(group, ()))
        return super().targets(group)

    def put_member(self, member: str, message: Message, size: int) -> None:
        inbox = next(
            space.inboxes[name]
            for space in self.broker.spaces.values()
            for name in space.inboxes
            if member.startswith(name)
        )
        inbox.entries.append(Entry(member, message, self.deadline(None), size)) if inbox.has_room(
            size
        ) else super().put_member(member, message, size)


@breaks("SEC-011")
class JoinsNames(ModelLayer):
    """A key at the broker is the namespace, a dot and the name."""

    def _key(self, name: str) -> deque[Entry]:
        full = f"{self.options.namespace}.{name}"
        return self.broker.space("").channels.setdefault(full, deque())

    def put_normal(self, channel: str, entry: Entry) -> None:
        self.space.channels[channel] = self._key(channel)
        super().put_normal(channel, entry)

    def pop_normal(self, name: str) -> Entry | None:
        self.space.channels[name] = self._key(name)
        return super().pop_normal(name)

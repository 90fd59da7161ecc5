"""Mutants of `layer.gap`, and of what happens when the broker goes away."""

from __future__ import annotations

from collections import deque
from math import inf
from typing import Any

import anyio

from seaway.conformance.zoo.broker import Broker, Entry, Inbox, Message
from seaway.conformance.zoo.channels import _ChangesInboxes
from seaway.conformance.zoo.model import ModelLayer
from seaway.conformance.zoo.mutants import breaks

OVERFLOW = ("LAY-086", "GAP-001", "GAP-002", "GAP-006", "GAP-008")


@breaks(*OVERFLOW)
class OverflowsInSilence(ModelLayer):
    """A group message for a full inbox is dropped and nobody is told."""

    def overflow(self, inbox: Inbox, member: str) -> None:
        return


@breaks("GAP-008", "LAY-086", "GAP-002", "GAP-006")
class CountsOne(ModelLayer):
    """A gap says 1, however many are missing."""

    def overflow(self, inbox: Inbox, member: str) -> None:
        super().overflow(inbox, member)
        inbox.entries[-1].message["dropped"] = 1


@breaks("GAP-020")
class GapsPileUp(ModelLayer):
    """Each message that finds no room is a gap of its own."""

    def overflow(self, inbox: Inbox, member: str) -> None:
        inbox.entries.append(inbox.gap(member, "overflow", 1))


@breaks("LAY-084", "LAY-086", "GAP-006", "GAP-008")
class GapsTakeRoom(_ChangesInboxes):
    """A gap counts as a message of the inbox."""

    class inbox_class(Inbox):  # noqa: N801 - it is an attribute
        """Counts entries."""

        def has_room(self, size: int) -> bool:
            return len(self.entries) < self.capacity and super().has_room(size)


@breaks("GAP-006", "LAY-086", "GAP-008")
class TellsAtOnce(ModelLayer):
    """A gap comes before what was sent earlier."""

    def overflow(self, inbox: Inbox, member: str) -> None:
        if inbox.entries and inbox.entries[0].message.get("reason") == "overflow":
            inbox.entries[0].message["dropped"] += 1
        else:
            inbox.entries.appendleft(inbox.gap(member, "overflow", 1))

    def pop_inbox(self, inbox: Inbox) -> Entry | None:
        return super().pop_inbox(inbox)


@breaks("GAP-001", "GAP-006", "GAP-008", "GAP-020", "LAY-086")
class SaysWhy(ModelLayer):
    """A gap has a reason of its own making."""

    def overflow(self, inbox: Inbox, member: str) -> None:
        super().overflow(inbox, member)
        inbox.entries[-1].message["why"] = inbox.entries[-1].message["reason"]
        inbox.entries[-1].message["reason"] = "too many"


@breaks("GAP-017", "GAP-001", "GAP-002", "GAP-006", "GAP-008", "LAY-090", "LAY-091")
class ExpiresInSilence(_ChangesInboxes):
    """What expires in an inbox is dropped and nobody is told."""

    class inbox_class(Inbox):  # noqa: N801 - it is an attribute
        """Drops."""

        def expire(self, now: float) -> None:
            self.entries = deque(entry for entry in self.entries if entry.deadline > now)


@breaks("LAY-088", "GAP-001", "GAP-006", "GAP-008", "GAP-017", "LAY-090", "LAY-091")
class InboxesKeepForEver(_ChangesInboxes):
    """Nothing expires in an inbox."""

    class inbox_class(Inbox):  # noqa: N801 - it is an attribute
        """Keeps."""

        def expire(self, now: float) -> None:
            return


@breaks("GAP-009", "GRP-017")
class DoubtsEachLease(ModelLayer):
    """An inbox that is older than the lease gives lost, without a cause."""

    def pop_inbox(self, inbox: Inbox) -> Entry | None:
        key = f"doubted {inbox.name}"
        born = self.counters.setdefault(f"born {inbox.name}", int(self.broker.now() * 1e6))
        if not self.counters[key] and self.broker.now() * 1e6 - born > self.options.lease * 1e6:
            self.counters[key] = 1
            return inbox.gap(inbox.name, "lost", None)
        return super().pop_inbox(inbox)

    async def new_channel(self, pattern: str) -> str:
        name = await super().new_channel(pattern)
        self.counters[f"born {name}"] = int(self.broker.now() * 1e6)
        return name


JOINING = (
    *("GAP-001", "GAP-002", "GAP-006", "GAP-008", "GAP-011", "GAP-017", "GAP-020"),
    *("GRP-001", "GRP-002", "GRP-003", "GRP-004", "GRP-005", "GRP-006", "GRP-007", "GRP-008", "GRP-012", "GRP-013"),
    *("GRP-014", "GRP-016", "GRP-017", "GRP-018", "LAY-003", "LAY-005", "LAY-018", "LAY-024", "LAY-030", "LAY-033"),
    *("LAY-051", "LAY-056", "LAY-062", "LAY-064", "LAY-073", "LAY-077", "LAY-086", "LAY-087", "LAY-091", "LAY-094"),
    *("LAY-105", "LAY-108", "MSG-004", "MSG-014", "MSG-015", "MSG-016"),
)
"""What tests see that join a group first."""


@breaks("GAP-009", *JOINING)
class AlwaysLost(ModelLayer):
    """Joining a group gives lost, to be on the safe side."""

    def join(self, group: str, channel: str) -> None:
        super().join(group, channel)
        self.counters[f"joined {channel}"] += 1
        if self.counters[f"joined {channel}"] == 1:
            inbox = self.own[channel.partition("!")[0] + "!"]
            inbox.entries.append(inbox.gap(channel, "lost", None))


@breaks("GAP-013", "GAP-016", "LAY-088", "LAY-090")
class GapsOnNormalChannels(ModelLayer):
    """A normal channel gives a gap for what has expired."""

    def pop_normal(self, name: str) -> Entry | None:
        before = self.counters["expired"]
        entry = super().pop_normal(name)
        if entry is None and (dropped := self.counters["expired"] - before):
            return Entry(name, {"type": "layer.gap", "reason": "expired", "dropped": dropped}, inf, 0)
        return entry


@breaks("LAY-087", "GRP-018")
class FullInboxesSpread(ModelLayer):
    """A full inbox makes its sender drop group messages for the others."""

    _members: tuple[str, ...] = ()

    def targets(self, group: str) -> list[str]:
        members = super().targets(group)
        self._members = tuple(members)
        return members

    def put_member(self, member: str, message: Message, size: int) -> None:
        inboxes = self.space.inboxes
        someone_is_full = any(not inboxes[one.partition("!")[0] + "!"].has_room(size) for one in self._members)
        if someone_is_full and inboxes[member.partition("!")[0] + "!"].has_room(size):
            return
        super().put_member(member, message, size)


# Without a broker


@breaks("LAY-036", "LAY-037")
class SendsIntoTheVoid(ModelLayer):
    """Without a broker a send returns as if all were well."""

    async def send(self, channel: str, message: Message) -> None:
        try:
            await super().send(channel, message)
        except ConnectionError:
            return


@breaks("LAY-036")
class RaisesLate(ModelLayer):
    """Without a broker a send raises long after its deadline."""

    async def send(self, channel: str, message: Message) -> None:
        try:
            await super().send(channel, message)
        except ConnectionError:
            await anyio.sleep(self.options.send_deadline + 3)
            raise

    async def send_group(self, group: str, message: Message) -> None:
        await super().send_group(group, message)


@breaks("LAY-037")
class SendsAgain(ModelLayer):
    """A send that raised is tried again, twice."""

    async def send(self, channel: str, message: Message) -> None:
        try:
            await super().send(channel, message)
        except ConnectionError:
            _unsent.setdefault(self.broker, []).extend([(self, channel, self.check_message(message))] * 2)
            raise

    async def send_group(self, group: str, message: Message) -> None:
        await super().send_group(group, message)
        for layer, channel, unsent in _unsent.pop(self.broker, []):
            layer.put(channel, unsent, 1)


_unsent: dict[Broker, list[tuple[ModelLayer, str, Message]]] = {}


@breaks("LAY-056", "GAP-004", "GAP-005")
class ReceiveRaises(ModelLayer):
    """A receive that waits when the broker goes away raises."""

    def check_open(self, names: list[str]) -> None:
        super().check_open(names)
        self.reach()


@breaks("LAY-061", "GRP-004")
class JoinsWithoutABroker(ModelLayer):
    """Without a broker an inbox is made and groups are joined, on this side alone."""

    def reach(self) -> None:
        return

    async def send(self, channel: str, message: Message) -> None:
        super().reach()
        await super().send(channel, message)

    async def send_group(self, group: str, message: Message) -> None:
        super().reach()
        await super().send_group(group, message)


@breaks("LAY-065", "LAY-066")
class ClosingNeedsABroker(ModelLayer):
    """close_channel raises without a broker."""

    async def close_channel(self, channel: str) -> None:
        await super().close_channel(channel)
        self.reach()


@breaks("LAY-066")
class ClosingAsks(ModelLayer):
    """close_channel asks the broker even for a channel that is in no group."""

    async def close_channel(self, channel: str) -> None:
        await super().close_channel(channel)
        if not self.broker.is_up:
            await anyio.sleep(2 * self.options.send_deadline)


@breaks("LAY-021")
class CloseNeedsABroker(ModelLayer):
    """close raises without a broker."""

    async def close(self) -> None:
        await super().close()
        if not self.broker.is_up:
            raise ConnectionError("no answer from the broker")


@breaks("GRP-016", "GAP-004", "GAP-011")
class ForgetsMemberships(ModelLayer):
    """Memberships are not restored after the broker has lost its data."""

    def join_again(self, group: str, channel: str) -> None:
        return


@breaks("GAP-010", "GAP-004")
class RecoversInSilence(ModelLayer):
    """After the broker has lost its data nobody is told."""

    def on_lost_data(self) -> None:
        for group, channel in self.memberships:
            self.join_again(group, channel)


@breaks("GRP-004")
class JoinsOnceItIsBack(ModelLayer):
    """A group_add that raised is done when the broker is back."""

    async def group_add(self, group: str, channel: str) -> None:
        try:
            await super().group_add(group, channel)
        except ConnectionError:
            self._late: list[Any] = [(group, channel)]
            raise

    async def send_group(self, group: str, message: Message) -> None:
        for late in getattr(self, "_late", []):
            self.join(*late)
        await super().send_group(group, message)

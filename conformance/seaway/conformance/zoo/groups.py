"""Mutants of groups."""

from __future__ import annotations

from typing import Any, ClassVar

import anyio

from seaway.conformance.zoo.broker import Message
from seaway.conformance.zoo.model import ModelLayer
from seaway.conformance.zoo.mutants import breaks
from seaway.spec import inbox_of


@breaks("GRP-003")
class CountsMembersTwice(ModelLayer):
    """Who joins twice gets everything twice."""

    def targets(self, group: str) -> list[str]:
        members = super().targets(group)
        return [member for member in members for _ in range(1 + self._again(group, member))]

    def _again(self, group: str, member: str) -> bool:
        return any(layer.counters[f"joined {group} {member}"] > 1 for layer in self.broker.layers)

    def join(self, group: str, channel: str) -> None:
        super().join(group, channel)
        self.counters[f"joined {group} {channel}"] += 1

    def leave(self, group: str, channel: str) -> None:
        super().leave(group, channel)
        self.counters[f"joined {group} {channel}"] = 0


@breaks("GRP-005", "GRP-013", "GRP-003", "GRP-004", "GRP-012")
class NeverLeaves(ModelLayer):
    """group_discard does nothing."""

    async def group_discard(self, group: str, channel: str) -> None:
        self.enter()
        self.check_member(group, channel)
        await anyio.lowlevel.checkpoint()
        self.reach()


@breaks("GRP-005")
class LeavesEveryGroup(ModelLayer):
    """Who leaves one group has left all."""

    async def group_discard(self, group: str, channel: str) -> None:
        await super().group_discard(group, channel)
        self.end_memberships(lambda member: member == channel)


@breaks("GRP-006", "GRP-004")
class LeavingNeedsMembership(ModelLayer):
    """Who is not in a group cannot leave it."""

    async def group_discard(self, group: str, channel: str) -> None:
        self.enter()
        self.check_member(group, channel)
        if channel not in self.targets(group):
            raise ValueError("not a member")
        await super().group_discard(group, channel)


@breaks(
    "GRP-010",
    "GRP-018",
    "LAY-086",
    "LAY-087",
    "LAY-084",
    "GAP-001",
    "GAP-002",
    "GAP-006",
    "GAP-008",
    "GAP-012",
    "GAP-020",
)
class RaisesForFullMembers(ModelLayer):
    """send_group raises ChannelFull when a member is full."""

    def put_member(self, member: str, message: Message, size: int) -> None:
        if not self.space.inboxes[inbox_of(member) or ""].has_room(size):
            raise self.ChannelFull(member)
        super().put_member(member, message, size)


@breaks("GRP-018", "LAY-087")
class StopsAtAFullMember(ModelLayer):
    """Members after a full one get nothing."""

    def targets(self, group: str) -> list[str]:
        found = []
        for member in super().targets(group):
            found.append(member)
            if not self.space.inboxes[inbox_of(member) or ""].has_room(1):
                break
        return found


@breaks("GRP-008", "GRP-007", "LAY-087", "GRP-018", "LAY-094", "LAY-051", "GRP-001")
class SkipsTheSender(ModelLayer):
    """The sender's own channels get nothing, where others are in the group."""

    def targets(self, group: str) -> list[str]:
        members = super().targets(group)
        others = [member for member in members if inbox_of(member) not in self.own]
        return others or ([] if len({inbox_of(member) for member in members}) > 1 else members)


@breaks("GRP-009", "GRP-003", "GRP-013")
class EmptyGroupsRaise(ModelLayer):
    """A group whose last member has left is not known."""

    def targets(self, group: str) -> list[str]:
        if self.space.groups.get(group) == {}:
            raise ValueError("no such group")
        return super().targets(group)


@breaks("GRP-007", "GRP-012", "GRP-002", "GAP-002", "GAP-004", "GAP-009")
class GroupsAreLocal(ModelLayer):
    """A group has the members of the sending object only, where that has any."""

    def targets(self, group: str) -> list[str]:
        members = super().targets(group)
        return [member for member in members if inbox_of(member) in self.own] or members


@breaks("GRP-012")
class JoinsLate(ModelLayer):
    """The next group message of another object does not see every third new member yet."""

    _late: ClassVar[set[tuple[str, str]]] = set()

    def join(self, group: str, channel: str) -> None:
        super().join(group, channel)
        self.counters["joins"] += 1
        if self.counters["joins"] % 3 == 0:
            self._late.add((group, channel))

    def targets(self, group: str) -> list[str]:
        members = super().targets(group)
        late = {member for member in members if (group, member) in self._late and inbox_of(member) not in self.own}
        self._late.difference_update({(group, member) for member in late})
        return [member for member in members if member not in late]


@breaks("GRP-013", "GRP-012")
class LeavesLate(ModelLayer):
    """The next group message of another object still sees every third member that has left."""

    _late: ClassVar[set[tuple[int, str, str]]] = set()

    def leave(self, group: str, channel: str) -> None:
        super().leave(group, channel)
        self.counters["leaves"] += 1
        if self.counters["leaves"] % 3 == 0:
            self._late.add((id(self.space), group, channel))

    def targets(self, group: str) -> list[str]:
        members = super().targets(group)
        for late in [late for late in self._late if late[:2] == (id(self.space), group)]:
            gone = late[2] not in members and inbox_of(late[2]) in self.space.inboxes
            if gone and inbox_of(late[2]) not in self.own:
                self._late.discard(late)
                members.append(late[2])
        return members


@breaks("GRP-017", "GRP-016")
class MembershipsExpire(ModelLayer):
    """A membership ends after its lease."""

    def join(self, group: str, channel: str) -> None:
        super().join(group, channel)
        self.counters[f"until {group} {channel}"] = int((self.broker.now() + self.options.lease) * 1e6)

    def targets(self, group: str) -> list[str]:
        return [member for member in super().targets(group) if not self._is_over(group, member)]

    def _is_over(self, group: str, member: str) -> bool:
        owner = self.space.inboxes[inbox_of(member) or ""].owner
        return owner.counters[f"until {group} {member}"] < self.broker.now() * 1e6


@breaks("GRP-004")
class JoinsBeforeItWaits(ModelLayer):
    """A cancelled group_add has joined."""

    async def group_add(self, group: str, channel: str) -> None:
        self.enter()
        self.check_member(group, channel)
        if self.broker.is_up:
            self.join(str(group), str(channel))
        await super().group_add(group, channel)


@breaks("GRP-002")
class AnybodyMayJoinAnybody(ModelLayer):
    """An object may put channels of others into a group."""

    def check_member(self, group: Any, channel: Any) -> None:
        self.check_group(group)
        self.check_channel(channel)
        if inbox_of(channel) not in self.space.inboxes or channel in self.space.inboxes:
            super().check_member(group, channel)


@breaks("GRP-002", "GRP-004")
class BareInboxesJoin(ModelLayer):
    """The bare name of an inbox may join."""

    def check_member(self, group: Any, channel: Any) -> None:
        if channel not in self.own:
            super().check_member(group, channel)
        self.check_group(group)

    def join(self, group: str, channel: str) -> None:
        if channel not in self.own:
            super().join(group, channel)

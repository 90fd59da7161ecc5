"""The memory layer against a model that is too simple to be wrong (L9, L14, L15, L24)."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from seaway.layers import SyncMemoryLayer

CAPACITY = 3
INBOX_CAPACITY = 4
CHANNELS = ["work"]
GROUPS = ["room"]

channels = st.sampled_from(CHANNELS)
groups = st.sampled_from(GROUPS)
owners = st.sampled_from([0, 1])
locals_ = st.sampled_from(["1", "2"])
objects = st.sampled_from([0, 1])


class Model(RuleBasedStateMachine):
    """Two objects on one hub, each with an inbox; object 1 is in a hurry: what it sends expires after 1 second."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.number = 0

    @initialize()
    def open(self) -> None:
        name = f"model-{id(self)}"
        self.objects = [
            SyncMemoryLayer(
                name=name, clock=lambda: self.now, expiry=expiry, capacity=CAPACITY, inbox_capacity=INBOX_CAPACITY
            )
            for expiry in (60, 1)
        ]
        self.inboxes = [layer.new_channel("model!") for layer in self.objects]
        self.queues: dict[str, list[tuple[float, Any]]] = {name: [] for name in CHANNELS}
        # An inbox holds entries of deadline, the locals that still have to get it, message; or the number that an
        # overflow has cost.
        self.waiting: list[list[Any]] = [[], []]
        self.members: set[tuple[str, int, str]] = set()

    def teardown(self) -> None:
        for layer in getattr(self, "objects", []):
            layer.close()

    def message(self) -> dict[str, Any]:
        self.number += 1
        return {"type": "model.message", "number": self.number}

    def deadline(self, sender: int) -> float:
        return self.now + (60, 1)[sender]

    @rule(seconds=st.sampled_from([0.5, 1.5]))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @rule(sender=objects, channel=channels)
    def send(self, sender: int, channel: str) -> None:
        live = [entry for entry in self.queues[channel] if entry[0] > self.now]
        message = self.message()
        try:
            self.objects[sender].send(channel, message)
        except self.objects[sender].ChannelFull:
            assert len(live) == CAPACITY
        else:
            assert len(live) < CAPACITY
            self.queues[channel] = [*live, (self.deadline(sender), message)]

    @rule(receiver=objects, channel=channels)
    def receive(self, receiver: int, channel: str) -> None:
        live = [entry for entry in self.queues[channel] if entry[0] > self.now]
        wanted = (channel, live[0][1]) if live else (None, None)
        assert self.objects[receiver].receive([channel], 0) == wanted
        self.queues[channel] = live[1:]

    def full(self, owner: int) -> bool:
        # A group message that was given to some of its members has left the inbox; an expired one has not, as long
        # as its owner does not look.
        return sum(1 for entry in self.waiting[owner] if entry[0] == "message" and entry[4]) == INBOX_CAPACITY

    @rule(sender=objects, owner=owners, local=locals_)
    def send_local(self, sender: int, owner: int, local: str) -> None:
        message = self.message()
        try:
            self.objects[sender].send(self.inboxes[owner] + local, message)
        except self.objects[sender].ChannelFull:
            assert self.full(owner)
        else:
            assert not self.full(owner)
            self.waiting[owner].append(["message", self.deadline(sender), [local], message, True])

    @rule(owner=owners, local=locals_, group=groups)
    def join(self, owner: int, local: str, group: str) -> None:
        self.objects[owner].group_add(group, self.inboxes[owner] + local)
        self.members.add((group, owner, local))

    @rule(owner=owners, local=locals_, group=groups)
    def leave(self, owner: int, local: str, group: str) -> None:
        self.objects[owner].group_discard(group, self.inboxes[owner] + local)
        self.members.discard((group, owner, local))

    @rule(owner=owners, local=locals_)
    def end(self, owner: int, local: str) -> None:
        self.objects[owner].close_channel(self.inboxes[owner] + local)
        self.members -= {(group, owner, local) for group in GROUPS}

    @rule(owner=owners)
    def end_inbox(self, owner: int) -> None:
        self.objects[owner].close_channel(self.inboxes[owner])
        self.members = {member for member in self.members if member[1] != owner}
        self.waiting[owner] = []
        self.inboxes[owner] = self.objects[owner].new_channel("model!")

    @rule(sender=objects, group=groups)
    def send_group(self, sender: int, group: str) -> None:
        message = self.message()
        self.objects[sender].send_group(group, message)
        for owner in (0, 1):
            joined = [local for name, whose, local in self.members if (name, whose) == (group, owner)]
            if not joined:
                continue
            if not self.full(owner):
                self.waiting[owner].append(["message", self.deadline(sender), joined, message, True])
            elif self.waiting[owner][-1][0] == "overflow":
                self.waiting[owner][-1][1] += 1
            else:
                self.waiting[owner].append(["overflow", 1])

    @rule(owner=owners, calls=st.integers(1, 8))
    def receive_local(self, owner: int, calls: int) -> None:
        for _ in range(calls):
            channel, message = self.objects[owner].receive([self.inboxes[owner]], 0)
            if channel is None:
                assert not self.waiting[owner]
                return
            self.match(owner, channel, message)

    def match(self, owner: int, channel: str, message: Any) -> None:
        local = channel.removeprefix(self.inboxes[owner])
        self.turn_expired_into_losses(owner)
        head = self.waiting[owner][0]
        if head[0] == "overflow":
            assert (local, message) == ("", {"type": "layer.gap", "reason": "overflow", "dropped": head[1]})
            del self.waiting[owner][0]
        elif head[0] == "losses":
            assert (message["type"], message["reason"]) == ("layer.gap", "expired")
            head[1][local] -= message["dropped"]
            assert head[1][local] >= 0
            if not +head[1]:
                del self.waiting[owner][0]
        else:
            assert message == head[3]
            head[4] = False
            head[2].remove(local)
            if not head[2]:
                del self.waiting[owner][0]

    def turn_expired_into_losses(self, owner: int) -> None:
        losses: Counter[str] = Counter()
        while self.waiting[owner]:
            head = self.waiting[owner][0]
            if head[0] != "message" or not head[4] or head[1] > self.now:
                break
            losses.update(head[2])
            del self.waiting[owner][0]
        if losses:
            self.waiting[owner].insert(0, ["losses", losses])

    @invariant()
    def nothing_is_left_behind(self) -> None:
        if not hasattr(self, "objects"):
            return
        hub = self.objects[0]._hub
        assert set(hub._groups) == {group for group, _, _ in self.members}
        assert set(hub._inboxes) == set(self.inboxes)


Model.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestMemoryLayerAgainstAModel = Model.TestCase

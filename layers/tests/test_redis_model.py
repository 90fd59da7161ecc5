"""Groups of the Redis layer against a model that is too simple to be wrong, while connections are cut (L24)."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from seaway.conformance.brokers import Server
from seaway.layers.redis import SyncRedisLayer

pytestmark = pytest.mark.timeout(900)
LARGE = os.environ.get("SEAWAY_FAULTS") == "large"

locals_ = st.sampled_from("123")
groups = st.sampled_from(["room", "hall"])


@cache
def broker() -> Server:
    server = Server()
    server.start()
    return server


class Groups(RuleBasedStateMachine):
    """An owner with three channels, and a sender. What was sent while a connection was cut may have come or not."""

    @initialize()
    def open(self) -> None:
        options: dict[str, Any] = {"port": broker().port, "namespace": uuid4().hex, "send_deadline": 30}
        self.owner, self.sender = SyncRedisLayer(**options), SyncRedisLayer(**options)
        self.inbox = self.owner.new_channel("model!")
        self.sender.send("work", {"type": "model.message"})
        self.members: dict[str, set[str]] = {"room": set(), "hall": set()}
        self.expected: list[tuple[set[str], int, bool]] = []
        self.number = 0

    def teardown(self) -> None:
        if hasattr(self, "owner"):
            self.receive()
            self.owner.close()
            self.sender.close()

    @rule(local=locals_, group=groups)
    def join(self, local: str, group: str) -> None:
        self.owner.group_add(group, self.inbox + local)
        self.members[group].add(local)

    @rule(local=locals_, group=groups)
    def leave(self, local: str, group: str) -> None:
        self.owner.group_discard(group, self.inbox + local)
        self.members[group].discard(local)

    @rule(local=locals_)
    def end(self, local: str) -> None:
        self.receive()  # what still waits for it may come or not (GAP-018)
        self.owner.close_channel(self.inbox + local)
        for members in self.members.values():
            members.discard(local)

    @rule(group=groups, of_owner=st.booleans())
    def send_group(self, group: str, of_owner: bool) -> None:
        self.send(of_owner, "send_group", group, self.members[group])

    @rule(local=locals_, of_owner=st.booleans())
    def send_local(self, local: str, of_owner: bool) -> None:
        self.send(of_owner, "send", self.inbox + local, {local})

    def send(self, of_owner: bool, method: str, target: str, to: set[str]) -> None:
        self.number += 1
        is_certain = False
        with suppress(ConnectionError):
            layer = self.owner if of_owner else self.sender
            getattr(layer, method)(target, {"type": "model.message", "number": self.number})
            is_certain = True
        self.expected.append((set(to), self.number, is_certain))

    @rule(whose=st.sampled_from(["owner", "sender"]), reads=st.booleans())
    def cut(self, whose: str, reads: bool) -> None:
        engine = getattr(self, whose)._engine
        connection = engine.reading if reads else engine.lane.connection
        if connection is not None:
            connection.abort()

    @rule()
    def receive(self) -> None:
        got: list[tuple[str, int]] = []
        while (received := self.owner.receive([self.inbox], 0))[0] is not None:
            assert received[1]["type"] == "model.message", received
            got.append((received[0][len(self.inbox) :], received[1]["number"]))
        expected, self.expected = self.expected, []
        assert [number for _, number in got] == sorted(number for _, number in got)
        assert {number for _, number in got} <= {number for _, number, _ in expected}
        for to, number, is_certain in expected:
            came = [local for local, its in got if its == number]
            assert len(came) == len(set(came))
            assert set(came) == to or (not came and not is_certain), (to, number, came)


Groups.TestCase.settings = settings(
    max_examples=10_000 if LARGE else 20, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestGroups = Groups.TestCase

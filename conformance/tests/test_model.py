"""The model as the oracle: it and the memory layer do the same, step by step; and it knows what is wrong."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from seaway.conformance.model import Model, ModelError, ModelFull
from seaway.layers import SyncMemoryLayer

# No inbox is full here: the specification leaves open whether its gap names the inbox or the channel.
CAPACITY, INBOX_CAPACITY, EXPIRY = 3, 1000, 10.0
LOCAL = st.sampled_from(["1", "2"])
GROUP = st.sampled_from(["g", "h"])


class LayerAndModel(RuleBasedStateMachine):
    """Everything is done to a layer and to the model, one call after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model(capacity=CAPACITY, expiry=EXPIRY, inbox_capacity=INBOX_CAPACITY)
        self.layer = SyncMemoryLayer(
            capacity=CAPACITY, expiry=EXPIRY, inbox_capacity=INBOX_CAPACITY, clock=lambda: self.model.now
        )
        self.inbox = self.layer.new_channel("server!")
        self.model.open_inbox(self.inbox)
        self.sent = 0

    def message(self) -> dict[str, object]:
        self.sent += 1
        return {"type": "test.message", "number": self.sent}

    def put(self, channel: str) -> None:
        message = self.message()
        try:
            self.model.send(channel, message)
        except ModelFull:
            with pytest.raises(self.layer.ChannelFull):
                self.layer.send(channel, message)
        else:
            self.layer.send(channel, message)

    @rule(channel=st.sampled_from(["work", "mail"]))
    def send(self, channel: str) -> None:
        self.put(channel)

    @rule(local=LOCAL)
    def send_direct(self, local: str) -> None:
        self.put(self.inbox + local)

    @rule(group=GROUP)
    def send_group(self, group: str) -> None:
        message = self.message()
        self.model.send_group(group, message)
        self.layer.send_group(group, message)

    @rule(group=GROUP, local=LOCAL)
    def group_add(self, group: str, local: str) -> None:
        self.model.group_add(group, self.inbox + local)
        self.layer.group_add(group, self.inbox + local)

    @rule(group=GROUP, local=LOCAL)
    def group_discard(self, group: str, local: str) -> None:
        self.model.group_discard(group, self.inbox + local)
        self.layer.group_discard(group, self.inbox + local)

    @rule(seconds=st.sampled_from([4.0, 12.0]))
    def time_passes(self, seconds: float) -> None:
        # sums keep clear of the second after the expiry, in which a message may come or not (LAY-088)
        self.model.advance(seconds)

    @rule(with_inbox=st.booleans(), names=st.lists(st.sampled_from(["work", "mail"]), min_size=1, unique=True))
    def receive(self, with_inbox: bool, names: list[str]) -> None:
        channels = [*names, self.inbox] if with_inbox else names
        possible = self.model.next(channels)
        channel, message = self.layer.receive(channels, 0)
        if channel is None or message is None:
            assert possible == []
        else:
            self.model.take(channel, message)

    def teardown(self) -> None:
        channels = ["work", "mail", self.inbox]
        while (received := self.layer.receive(channels, 0)) != (None, None):
            self.model.take(*received)
        assert self.model.next(channels) == []
        self.layer.close()


TestLayerAndModel = LayerAndModel.TestCase
TestLayerAndModel.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


def message(number: int) -> dict[str, object]:
    return {"type": "test.message", "number": number}


def test_the_model_refuses_a_message_out_of_turn() -> None:
    model = Model()
    model.send("work", message(1))
    model.send("work", message(2))
    with pytest.raises(ModelError, match=r"expected .*'number': 1"):
        model.take("work", message(2))


def test_the_model_refuses_a_message_that_came_already() -> None:
    model = Model()
    model.send("work", message(1))
    model.take("work", message(1))
    with pytest.raises(ModelError, match="nothing waits"):
        model.take("work", message(1))


def test_the_model_refuses_a_gap_that_counts_too_much() -> None:
    model = Model(inbox_capacity=1)
    model.open_inbox("server.x!")
    model.group_add("g", "server.x!1")
    for number in range(3):
        model.send_group("g", message(number))
    model.take("server.x!1", message(0))
    with pytest.raises(ModelError, match="'dropped': 2"):
        model.take("server.x!1", {"type": "layer.gap", "reason": "overflow", "dropped": 3})
    model.take("server.x!1", {"type": "layer.gap", "reason": "overflow", "dropped": 1})
    assert model.next(["server.x!"]) == [("server.x!1", {"type": "layer.gap", "reason": "overflow", "dropped": 1})]


def test_the_model_forgets_the_memberships_of_a_channel_that_is_closed() -> None:
    model = Model()
    model.open_inbox("server.x!")
    model.group_add("g", "server.x!1")
    model.close_channel("server.x!1")
    model.send_group("g", message(1))
    assert model.next(["server.x!"]) == []

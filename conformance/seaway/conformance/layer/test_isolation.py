"""A message is nobody else's; and both flavours meet."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.conformance.layer.values import SENTINEL, numbered
from seaway.conformance.target import load
from seaway.conformance.world import World


def _nested() -> dict[str, Any]:
    return numbered(1, items=[1, [2]], table={"inner": {"list": [3]}})


def _spoil(message: dict[str, Any]) -> None:
    message["number"] = -1
    message["items"].append(9)
    message["items"][1].append(9)
    message["table"]["inner"]["list"].clear()
    message["table"]["new"] = 9


@pytest.mark.req("LAY-094")
async def test_the_sender_may_change_what_it_has_sent(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    await layer.group_add("room", f"{inbox}2")
    for source, method, name in (("work", "send", "work"), (inbox, "send", f"{inbox}1"), (inbox, "send_group", "room")):
        message = _nested()
        await layer.call(method, name, message)
        _spoil(message)
        assert await layer.message(source) == _nested()


@pytest.mark.req("LAY-094")
async def test_receivers_share_nothing(world: World) -> None:
    layer = world.layer()
    inbox, other = await layer.new_channel(), await layer.new_channel()
    for member in (f"{inbox}1", f"{inbox}2", f"{other}1"):
        await layer.group_add("room", member)
    await layer.send_group("room", _nested())
    for source in (inbox, inbox, other):
        message = await layer.message(source)
        assert message == _nested()
        _spoil(message)


@pytest.mark.req("LAY-094")
async def test_flat_messages_of_a_group_are_not_one_dict(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    for member in (f"{inbox}1", f"{inbox}2"):
        await layer.group_add("room", member)
    message = numbered(1)
    await layer.send_group("room", message)
    message["number"] = -1
    for _ in range(2):
        received = await layer.message(inbox)
        assert received == numbered(1)
        received["number"] = -2


@pytest.mark.req("LAY-095")
@pytest.mark.needs("other flavour")
async def test_both_flavours_send_to_each_other(world: World) -> None:
    here, there = world.layer(), world.layer(other_flavour=True)
    for sender, receiver in ((here, there), (there, here)):
        inbox = await receiver.new_channel()
        await receiver.group_add("room", f"{inbox}1")
        await sender.send("work", _nested())
        assert await receiver.next("work") == ("work", _nested())
        await sender.send(f"{inbox}1", _nested())
        assert await receiver.next(inbox) == (f"{inbox}1", _nested())
        await sender.send_group("room", _nested())
        assert await receiver.next(inbox) == (f"{inbox}1", _nested())
        await receiver.close_channel(inbox)


@pytest.mark.req("LAY-095")
@pytest.mark.needs("other flavour")
async def test_a_waiting_receive_is_woken_by_the_other_flavour(world: World) -> None:
    here, there = world.layer(), world.layer(other_flavour=True)
    inbox = await here.new_channel()
    for channel, source in (("work", "work"), (f"{inbox}1", inbox)):
        outcome = await world.waiting(
            here.receive([source]),
            lambda channel=channel: there.send(channel, numbered(1)),  # type: ignore[misc]
        )
        assert outcome.value == (channel, numbered(1))


@pytest.mark.req("LAY-099")
@pytest.mark.needs("url")
async def test_a_memory_url_names_one_hub_for_both_flavours(world: World) -> None:
    name = world.namespace
    world.harness = load(f"memory://{name}", {})
    first, second, third = world.layer(), world.layer(), world.layer(other_flavour=True)
    for sender, receiver in ((first, second), (second, third), (third, first)):
        await sender.send("work", numbered(1))
        assert await receiver.next("work") == ("work", numbered(1))
    world.harness = load(f"memory://{name}-2", {})
    stranger = world.layer()
    await first.send("work", numbered(1))
    await stranger.send("work", SENTINEL)
    assert await stranger.up_to(SENTINEL, "work") == []

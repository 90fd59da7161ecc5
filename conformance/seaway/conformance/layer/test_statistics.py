"""The extension statistics."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.conformance.face import Face
from seaway.conformance.layer.values import numbered
from seaway.conformance.world import World

REASONS = {"overflow", "expired", "lost", "unknown"}


async def _statistics(layer: Face) -> dict[str, Any]:
    found = await layer.statistics()
    assert type(found) is dict, found
    return found


@pytest.mark.req("LAY-107")
@pytest.mark.needs("statistics")
async def test_statistics_has_its_keys_from_the_first_on(world: World) -> None:
    found = await _statistics(world.layer())
    for key in ("sent", "received", "pending", "reconnects"):
        assert type(found[key]) is int, key
        assert found[key] == 0, key
    assert set(found["dropped"]) >= REASONS
    assert all(type(count) is int for count in found["dropped"].values())


@pytest.mark.req("LAY-108")
@pytest.mark.needs("statistics")
async def test_what_was_sent_received_and_waits_is_counted(world: World) -> None:
    layer = world.layer(capacity=2)
    inbox = await layer.new_channel()
    await layer.group_add("room", f"{inbox}1")
    for number in range(2):
        await layer.send("work", numbered(number))
    await layer.send("work", numbered(3)).raises(layer.raw.ChannelFull)
    await layer.send(f"{inbox}1", numbered(4))
    await layer.send_group("elsewhere", numbered(5))
    found = await _statistics(layer)
    assert (found["sent"], found["received"]) == (4, 0)
    assert found["pending"] in (0, 1), "messages that this object knows of"
    await layer.message("work")
    await layer.message(inbox)
    await layer.receive(["other"], 0)
    found = await _statistics(layer)
    assert (found["sent"], found["received"], found["pending"]) == (4, 2, 0)


@pytest.mark.req("LAY-108")
@pytest.mark.needs("statistics", "peer")
async def test_each_object_counts_what_it_did_itself(world: World) -> None:
    sender, receiver = world.layer(), world.layer()
    await sender.send("work", numbered(1))
    await receiver.message("work")
    sent, received = await _statistics(sender), await _statistics(receiver)
    assert (sent["sent"], sent["received"]) == (1, 0)
    assert (received["sent"], received["received"]) == (0, 1)


@pytest.mark.req("GAP-016")
@pytest.mark.needs("statistics")
@pytest.mark.waits
async def test_what_expires_on_a_normal_channel_is_counted_by_the_finder(world: World) -> None:
    layer = world.layer(expiry=0.3)
    for number in range(3):
        await layer.send("work", numbered(number))
    await world.pass_time(1.4)
    assert await layer.receive(["work"], 0) == (None, None)
    assert (await _statistics(layer))["dropped"]["expired"] == 3

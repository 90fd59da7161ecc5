"""Membership and broadcast."""

from __future__ import annotations

import anyio
import pytest

from seaway.conformance.layer.values import SENTINEL, SHORT_LEASE, number_of, numbered, numbers
from seaway.conformance.world import World


@pytest.mark.req("GRP-001")
async def test_a_member_gets_what_is_sent_to_its_group(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    assert await layer.group_add("room", f"{inbox}1") is None
    assert await layer.send_group("room", numbered(1)) is None
    assert await layer.next(inbox) == (f"{inbox}1", numbered(1))


@pytest.mark.req("GRP-001")
async def test_a_channel_is_in_many_groups_and_a_group_has_many_channels(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    for group in range(4):
        for member in range(group, 4):
            await layer.group_add(f"room{group}", f"{inbox}{member}")
    for group in range(4):
        await layer.send_group(f"room{group}", numbered(group))
        got = [await layer.next(inbox) for _ in range(group, 4)]
        assert sorted(channel for channel, _ in got) == [f"{inbox}{member}" for member in range(group, 4)]
        assert numbers(message for _, message in got) == [group] * (4 - group)


@pytest.mark.req("GRP-002")
async def test_only_channels_under_own_inboxes_are_members(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    for channel in ("work", inbox, "server.k3x9q0w7k3x9q0w7!1", "server.k3x9q0w7k3x9q0w7!"):
        await layer.group_add("room", channel).raises(ValueError)
        await layer.group_discard("room", channel).raises(ValueError)


@pytest.mark.req("GRP-002")
@pytest.mark.needs("peer")
async def test_channels_under_the_inbox_of_another_object_are_refused(world: World) -> None:
    owner, other = world.layer(), world.layer()
    inbox = await owner.new_channel()
    await owner.group_add("room", f"{inbox}1")
    await other.group_add("hall", f"{inbox}1").raises(ValueError)
    await other.group_discard("room", f"{inbox}1").raises(ValueError)
    await other.send_group("hall", numbered(1))
    await other.send_group("room", numbered(2))
    assert await owner.next(inbox) == (f"{inbox}1", numbered(2))


@pytest.mark.req("GRP-002")
async def test_a_closed_inbox_has_no_members(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    await layer.close_channel(inbox)
    await layer.group_add("room", f"{inbox}1").raises(ValueError)


@pytest.mark.req("GRP-003")
async def test_joining_twice_is_joining_once(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    for _ in range(3):
        await layer.group_add("room", f"{inbox}1")
    await layer.send_group("room", numbered(1))
    await layer.send(f"{inbox}1", SENTINEL)
    assert await layer.up_to(SENTINEL, inbox) == [numbered(1)]
    await layer.group_discard("room", f"{inbox}1")
    await layer.send_group("room", numbered(2))
    await layer.send(f"{inbox}1", SENTINEL)
    assert await layer.up_to(SENTINEL, inbox) == []


@pytest.mark.req("GRP-004")
async def test_a_group_add_that_raised_leaves_no_membership(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    await layer.group_add("room", inbox).raises(ValueError)
    await layer.group_add("bad group", f"{inbox}1").raises(ValueError)
    await layer.send_group("room", numbered(1))
    await layer.send(f"{inbox}1", SENTINEL)
    assert await layer.up_to(SENTINEL, inbox) == []


@pytest.mark.req("GRP-005")
async def test_who_has_left_gets_nothing_and_the_others_do(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    for member in "12":
        await layer.group_add("room", inbox + member)
        await layer.group_add("hall", inbox + member)
    assert await layer.group_discard("room", f"{inbox}1") is None
    await layer.send_group("room", numbered(1))
    await layer.send_group("hall", numbered(2))
    got = [await layer.next(inbox) for _ in range(3)]
    assert sorted((channel, number_of(message)) for channel, message in got) == [
        (f"{inbox}1", 2),
        (f"{inbox}2", 1),
        (f"{inbox}2", 2),
    ]
    await layer.send(f"{inbox}1", SENTINEL)
    assert await layer.up_to(SENTINEL, inbox) == []


@pytest.mark.req("GRP-006")
async def test_leaving_a_group_that_one_is_not_in_does_nothing(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    assert await layer.group_discard("room", f"{inbox}1") is None
    await layer.group_add("room", f"{inbox}2")
    assert await layer.group_discard("room", f"{inbox}1") is None
    await layer.send_group("room", numbered(1))
    assert await layer.next(inbox) == (f"{inbox}2", numbered(1))


@pytest.mark.req("GRP-007")
@pytest.mark.needs("peer")
async def test_a_group_spans_objects(world: World) -> None:
    layers = [world.layer() for _ in range(3)]
    inboxes = [await layer.new_channel() for layer in layers]
    for layer, inbox in zip(layers, inboxes, strict=True):
        await layer.group_add("room", f"{inbox}1")
    for sender in layers:
        await sender.send_group("room", numbered(1))
        for layer, inbox in zip(layers, inboxes, strict=True):
            assert await layer.next(inbox) == (f"{inbox}1", numbered(1))


@pytest.mark.req("GRP-008")
async def test_the_senders_own_channel_gets_the_message_too(world: World) -> None:
    layer = world.layer()
    inboxes = [await layer.new_channel(), await layer.new_channel()]
    for inbox in inboxes:
        await layer.group_add("room", f"{inbox}1")
    await layer.send_group("room", numbered(1))
    for inbox in inboxes:
        assert await layer.next(inbox) == (f"{inbox}1", numbered(1))


@pytest.mark.req("GRP-009")
async def test_a_group_without_members_takes_messages(world: World) -> None:
    layer = world.layer()
    assert await layer.send_group("nobody", numbered(1)) is None
    inbox = await layer.new_channel()
    await layer.group_add("room", f"{inbox}1")
    await layer.group_discard("room", f"{inbox}1")
    assert await layer.send_group("room", numbered(1)) is None


@pytest.mark.req("GRP-010")
async def test_send_group_raises_for_no_full_member(world: World) -> None:
    layer = world.layer(capacity=1, inbox_capacity=2)
    inbox = await layer.new_channel()
    await layer.group_add("room", f"{inbox}1")
    for number in range(6):
        assert await layer.send_group("room", numbered(number)) is None


@pytest.mark.req("GRP-011")
async def test_there_is_no_list_of_members(world: World) -> None:
    raw = world.layer().raw
    for name in ("group_channels", "group_members", "members", "group_size", "group_count", "list_members"):
        assert not hasattr(raw, name), name


@pytest.mark.req("GRP-012")
async def test_after_group_add_every_send_group_reaches_the_channel(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    for number in range(40):
        await layer.group_add(f"room{number}", f"{inbox}1")
        await layer.send_group(f"room{number}", numbered(number))
    await layer.send(f"{inbox}1", SENTINEL)
    assert sorted(map(number_of, await layer.up_to(SENTINEL, inbox))) == list(range(40))


@pytest.mark.req("GRP-012")
@pytest.mark.needs("peer")
async def test_after_group_add_every_send_group_of_another_object_reaches_the_channel(world: World) -> None:
    owner, sender = world.layer(), world.layer()
    inbox = await owner.new_channel()
    for number in range(40):
        await owner.group_add("room", f"{inbox}{number}")
        await sender.send_group("room", numbered(number))
        assert await owner.next(inbox) == (f"{inbox}{number}", numbered(number))
        await owner.group_discard("room", f"{inbox}{number}")


@pytest.mark.req("GRP-013")
@pytest.mark.needs("peer")
async def test_after_group_discard_no_send_group_of_another_object_reaches_the_channel(world: World) -> None:
    owner, sender = world.layer(), world.layer()
    inbox = await owner.new_channel()
    for number in range(40):
        await owner.group_add("room", f"{inbox}1")
        await owner.group_discard("room", f"{inbox}1")
        await sender.send_group("room", numbered(number))
    await sender.send(f"{inbox}1", SENTINEL)
    assert await owner.up_to(SENTINEL, inbox) == []


@pytest.mark.req("GRP-013")
async def test_after_group_discard_no_send_group_reaches_the_channel(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    for number in range(40):
        await layer.group_add("room", f"{inbox}1")
        await layer.group_discard("room", f"{inbox}1")
        await layer.send_group("room", numbered(number))
    await layer.send(f"{inbox}1", SENTINEL)
    assert await layer.up_to(SENTINEL, inbox) == []


@pytest.mark.req("GRP-014")
async def test_closing_ends_memberships(world: World) -> None:
    layer = world.layer(inbox_capacity=3)
    kept, closed = await layer.new_channel(), await layer.new_channel()
    for member in (f"{closed}1", f"{kept}1", f"{kept}2"):
        await layer.group_add("room", member)
    await layer.close_channel(closed)
    await layer.close_channel(f"{kept}1")
    await layer.send_group("room", numbered(1))
    assert await layer.next(kept) == (f"{kept}2", numbered(1))
    await layer.send(f"{kept}2", SENTINEL)
    assert await layer.up_to(SENTINEL, kept) == []


@pytest.mark.req("GRP-017")
@pytest.mark.waits
async def test_a_membership_does_not_end_with_time(world: World) -> None:
    layer = world.layer(lease=SHORT_LEASE)
    inbox = await layer.new_channel()
    await layer.group_add("room", f"{inbox}1")
    await layer.send_group("room", numbered(1))
    assert await layer.next(inbox) == (f"{inbox}1", numbered(1))
    await world.pass_time(SHORT_LEASE + 1)
    await layer.send_group("room", numbered(2))
    assert await layer.next(inbox) == (f"{inbox}1", numbered(2))


@pytest.mark.req("GRP-018", "GRP-007")
@pytest.mark.needs("peer")
async def test_a_full_member_of_another_object_costs_the_others_nothing(world: World) -> None:
    slow, quick, sender = world.layer(inbox_capacity=2), world.layer(), world.layer(inbox_capacity=2)
    full, good = await slow.new_channel(), await quick.new_channel()
    for layer, inbox in ((slow, full), (quick, good)):
        await layer.group_add("room", f"{inbox}1")
    for number in range(6):
        await sender.send_group("room", numbered(number))
        assert await quick.next(good) == (f"{good}1", numbered(number))


@pytest.mark.req("GRP-018")
async def test_a_full_a_closed_and_a_slow_member_cost_the_others_nothing(world: World) -> None:
    layer = world.layer(inbox_capacity=2)
    inboxes = [await layer.new_channel(f"{name}!") for name in ("full", "closed", "good")]
    for inbox in inboxes:
        await layer.group_add("room", f"{inbox}1")
    full, closed, good = inboxes
    for number in range(3):
        await layer.send(f"{full}1", numbered(number)).outcome()
    await layer.close_channel(closed)
    for number in range(5):
        await layer.send_group("room", numbered(number))
        assert await layer.next(good) == (f"{good}1", numbered(number))
        await anyio.lowlevel.checkpoint()

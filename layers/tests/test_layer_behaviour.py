"""What every form of the memory layer promises: async, sync, and each adapted to the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import pytest
from jsonschema import Draft202012Validator

from seaway.spec import schemas, validate

Make = Callable[..., Any]

pytestmark = pytest.mark.anyio


def message(number: int = 0, **more: Any) -> dict[str, Any]:
    return {"type": "test.message", "number": number, **more}


async def test_a_message_reaches_the_receiver_of_its_channel(make: Make) -> None:
    layer = make()
    await layer.send("thumbs", message(1))
    assert await layer.receive(["thumbs"]) == ("thumbs", message(1))


async def test_an_empty_channel_gives_none_at_once_and_after_the_timeout(make: Make) -> None:
    layer = make()
    assert await layer.receive(["thumbs"], 0) == (None, None)
    assert await layer.receive(["thumbs"], 0.01) == (None, None)


async def test_objects_of_one_hub_meet_and_namespaces_do_not(make: Make) -> None:
    sender, receiver, stranger = make("async"), make(), make(namespace="other")
    await sender.send("thumbs", message(1))
    assert await stranger.receive(["thumbs"], 0) == (None, None)
    assert await receiver.receive(["thumbs"], 0) == ("thumbs", message(1))


async def test_messages_arrive_in_order_direct_ones_and_group_ones_mixed(make: Make) -> None:
    layer, owner = make(), make("async")
    inbox = await owner.new_channel("server!")
    await owner.group_add("room", inbox + "1")
    for number in range(20):
        if number % 3:
            await layer.send(inbox + "1", message(number))
        else:
            await layer.send_group("room", message(number))
    got = [(await owner.receive([inbox], 0))[1]["number"] for _ in range(20)]
    assert got == list(range(20))


async def test_the_receiver_shares_nothing_with_the_sender(make: Make) -> None:
    layer = make()
    sent = message(1, items=[1, {"deep": [2]}], pair=(1, 2))
    await layer.send("thumbs", sent)
    sent["items"][1]["deep"].append("changed")
    _, got = await layer.receive(["thumbs"])
    assert got == message(1, items=[1, {"deep": [2]}], pair=[1, 2])


async def test_members_of_a_group_get_a_message_each(make: Make) -> None:
    layer = make()
    inbox = await layer.new_channel("server!")
    for local in "12":
        await layer.group_add("room", inbox + local)
    await layer.send_group("room", message(1))
    _, first = await layer.receive([inbox])
    first["number"] = "changed"
    assert await layer.receive([inbox]) == (inbox + "2", message(1))


async def test_nested_values_of_a_group_message_are_not_shared(make: Make) -> None:
    layer = make()
    inbox = await layer.new_channel("server!")
    for local in "12":
        await layer.group_add("room", inbox + local)
    await layer.send_group("room", message(items=[[]]))
    _, first = await layer.receive([inbox])
    first["items"][0].append("changed")
    _, second = await layer.receive([inbox])
    assert second == message(items=[[]])


async def test_exactly_as_many_messages_fit_as_the_capacity_says_l9(make: Make) -> None:
    layer = make(capacity=3, channel_capacity={"big.*": 5})
    for channel, room in (("small", 3), ("big.one", 5)):
        for _ in range(room):
            await layer.send(channel, message())
        with pytest.raises(layer.ChannelFull, match=channel):
            await layer.send(channel, message())


async def test_expired_messages_take_no_room_and_are_not_delivered(make: Make, clock: Any) -> None:
    layer = make(capacity=3, expiry=60, channel_expiry={"brief": 1})
    for number in range(3):
        await layer.send("brief", message(number))
    clock.advance(0.99)
    with pytest.raises(layer.ChannelFull):
        await layer.send("brief", message())
    clock.advance(0.02)
    for number in range(3, 6):
        await layer.send("brief", message(number))
    clock.advance(0.5)
    assert (await layer.receive(["brief"], 0))[1] == message(3)
    clock.advance(1)
    assert await layer.receive(["brief"], 0) == (None, None)
    assert (await layer.statistics())["dropped"]["expired"] == 5


async def test_the_expiry_of_the_sender_counts(make: Make, clock: Any) -> None:
    hasty, patient = make(expiry=1), make(expiry=100)
    await patient.send("thumbs", message(1))
    await hasty.send("thumbs", message(2))
    await patient.send("thumbs", message(3))
    clock.advance(50)
    assert (await hasty.receive(["thumbs"], 0))[1] == message(1)
    assert (await hasty.receive(["thumbs"], 0))[1] == message(3)


async def test_capacity_does_not_bind_process_local_channels(make: Make) -> None:
    layer = make(capacity=1)
    inbox = await layer.new_channel("server!")
    for number in range(20):
        await layer.send(inbox + "1", message(number))
    assert (await layer.statistics())["pending"] == 20


async def test_a_full_inbox_refuses_sends_and_counts_group_messages_in_their_place(make: Make) -> None:
    layer = make(inbox_capacity=2)
    inbox = await layer.new_channel("server!")
    await layer.group_add("room", inbox + "1")
    await layer.send(inbox + "1", message(0))
    await layer.send_group("room", message(1))
    with pytest.raises(layer.ChannelFull):
        await layer.send(inbox + "2", message())
    for number in range(2, 5):
        await layer.send_group("room", message(number))
    assert (await layer.receive([inbox]))[1] == message(0)
    await layer.send_group("room", message(5))
    got = [await layer.receive([inbox], 0) for _ in range(4)]
    assert got == [
        (inbox + "1", message(1)),
        (inbox, {"type": "layer.gap", "reason": "overflow", "dropped": 3}),
        (inbox + "1", message(5)),
        (None, None),
    ]
    assert (await layer.statistics())["dropped"]["overflow"] == 3


async def test_each_hole_in_an_inbox_has_its_own_place_and_number(make: Make) -> None:
    layer = make(inbox_capacity=1)
    inbox = await layer.new_channel("server!")
    await layer.group_add("room", inbox + "1")
    for number in (1, 0):
        await layer.send_group("room", message(number))
    got = [(await layer.receive([inbox], 0))[1]]
    for number in (2, 0, 0):
        await layer.send_group("room", message(number))
    while (received := await layer.receive([inbox], 0))[1] is not None:
        got.append(received[1])
    gap = {"type": "layer.gap", "reason": "overflow"}
    assert got == [message(1), {**gap, "dropped": 1}, message(2), {**gap, "dropped": 2}]


async def test_an_inbox_is_bounded_in_bytes_too_l12(make: Make) -> None:
    layer = make(inbox_bytes=1000)
    inbox = await layer.new_channel("server!")
    await layer.group_add("room", inbox + "1")
    await layer.send(inbox + "1", message(1, body=b"x" * 600))
    with pytest.raises(layer.ChannelFull):
        await layer.send(inbox + "1", message(2, body=b"x" * 600))
    await layer.send_group("room", message(3, body=b"x" * 600))
    assert (await layer.receive([inbox]))[1]["number"] == 1
    assert (await layer.receive([inbox]))[1] == {"type": "layer.gap", "reason": "overflow", "dropped": 1}
    for number in range(4, 8):
        await layer.send_group("room", message(number, body=b"x" * 600))
        assert (await layer.receive([inbox]))[1]["number"] == number


async def test_one_full_channel_costs_no_other_channel_a_message_l11(make: Make) -> None:
    layer = make(capacity=1, inbox_capacity=1)
    full, other = await layer.new_channel("server!"), await layer.new_channel("server!")
    await layer.group_add("room", full + "1")
    await layer.group_add("room", other + "1")
    await layer.send(full + "1", message())
    await layer.send_group("room", message(7))
    assert await layer.receive([other], 0) == (other + "1", message(7))
    await layer.send(other + "1", message(8))


async def test_a_group_message_expires_for_those_who_have_not_got_it_yet(make: Make, clock: Any) -> None:
    """LAY-088, GAP-008: the first of two members has taken its share."""
    layer = make(expiry=1)
    inbox = await layer.new_channel("here!")
    for member in "12":
        await layer.group_add("room", inbox + member)
    await layer.send_group("room", {"type": "test.message"})
    assert await layer.receive([inbox], 0) == (f"{inbox}1", {"type": "test.message"})
    clock.advance(2)
    gap = {"type": "layer.gap", "reason": "expired", "dropped": 1}
    assert await layer.receive([inbox], 0) == (f"{inbox}2", gap)
    assert (await layer.receive([inbox], 0))[0] is None


async def test_what_expires_in_an_inbox_is_counted_for_its_channel_in_its_place(make: Make, clock: Any) -> None:
    layer, hasty = make(), make(expiry=1)
    inbox = await layer.new_channel("server!")
    for local in "12":
        await layer.group_add("room", inbox + local)
    await layer.send(inbox + "1", message(0))
    for number in range(2):
        await hasty.send(inbox + "1", message(number))
    await hasty.send_group("room", message(2))
    await hasty.send_group("room", message(3))
    await layer.send(inbox + "1", message(4))
    clock.advance(2)
    got = []
    while (received := await layer.receive([inbox], 0)) != (None, None):
        got.append(received)
    assert got[0] == (inbox + "1", message(0))
    assert got[-1] == (inbox + "1", message(4))
    gaps = got[1:-1]
    assert all(gap["type"] == "layer.gap" and gap["reason"] == "expired" for _, gap in gaps)
    for local, dropped in (("1", 4), ("2", 2)):
        assert sum(gap["dropped"] for channel, gap in gaps if channel == inbox + local) == dropped
    assert {channel for channel, _ in gaps} == {inbox + "1", inbox + "2"}


async def test_flush_empties_everything_tells_owners_and_keeps_memberships(make: Make) -> None:
    layer = make()
    inbox, idle = await layer.new_channel("server!"), await layer.new_channel("server!")
    await layer.group_add("room", inbox + "1")
    await layer.send("thumbs", message())
    for _ in range(3):
        await layer.send_group("room", message())
    await layer.send(inbox + "2", message())
    await layer.flush()
    assert await layer.receive(["thumbs"], 0) == (None, None)
    assert await layer.receive([idle], 0) == (None, None)
    lost = {"type": "layer.gap", "reason": "lost"}
    assert await layer.receive([inbox], 0) == (inbox + "1", {**lost, "dropped": 3})
    assert await layer.receive([inbox], 0) == (inbox + "2", {**lost, "dropped": 1})
    await layer.send_group("room", message(9))
    assert await layer.receive([inbox], 0) == (inbox + "1", message(9))
    assert (await layer.statistics())["dropped"]["lost"] == 5


async def test_flush_in_the_middle_of_a_group_message_counts_the_members_that_had_none(make: Make) -> None:
    layer = make()
    inbox = await layer.new_channel("server!")
    for local in "123":
        await layer.group_add("room", inbox + local)
    await layer.send_group("room", message(1))
    assert await layer.receive([inbox], 0) == (inbox + "1", message(1))
    await layer.flush()
    gap = {"type": "layer.gap", "reason": "lost", "dropped": 1}
    assert [await layer.receive([inbox], 0) for _ in range(3)] == [(inbox + "2", gap), (inbox + "3", gap), (None, None)]


async def test_a_busy_channel_does_not_starve_a_quiet_one(make: Make) -> None:
    layer = make(capacity=1000)
    channels = ["a", "b", "quiet", "c"]
    for busy in "abc":
        for number in range(200):
            await layer.send(busy, message(number))
    for _ in range(30):
        await layer.receive(channels, 0)
    await layer.send("quiet", message())
    got = [(await layer.receive(channels, 0))[0] for _ in range(2 * len(channels) + 1)]
    assert "quiet" in got


async def test_lists_that_change_do_not_starve_a_channel(make: Make) -> None:
    layer = make(capacity=1000)
    for busy in "ab":
        for number in range(50):
            await layer.send(busy, message(number))
    await layer.send("quiet", message())
    got = [(await layer.receive([*order, "quiet"], 0))[0] for order in ("ab", "ba", "a", "b", "ab", "ba")]
    assert "quiet" in got


async def test_channels_that_are_always_new_do_not_starve_one_that_waits(make: Make) -> None:
    layer = make()
    for channel in "ab":
        await layer.send(channel, message())
    for _ in "ab":
        await layer.receive(["a", "b"], 0)
    await layer.send("quiet", message())
    got = []
    for number in range(4):
        await layer.send(f"new.{number}", message())
        got.append((await layer.receive([f"new.{number}", "quiet"], 0))[0])
    assert "quiet" in got


async def test_an_inbox_yields_full_names_and_its_bare_name(make: Make) -> None:
    layer, other = make(), make("async")
    inbox = await layer.new_channel("server!")
    for channel in (inbox + "1", inbox, inbox + "x.y_z"):
        await other.send(channel, message())
    assert [(await layer.receive([inbox], 0))[0] for _ in range(3)] == [inbox + "1", inbox, inbox + "x.y_z"]


async def test_a_name_given_twice_is_given_once(make: Make) -> None:
    layer = make()
    await layer.send("thumbs", message(1))
    assert (await layer.receive(["thumbs", "thumbs"], 0))[1] == message(1)
    assert await layer.receive(["thumbs", "thumbs"], 0.01) == (None, None)


async def test_sending_to_an_inbox_that_nobody_owns_has_no_effect(make: Make) -> None:
    layer = make()
    await layer.send("gone.k3x9!17", message())
    await layer.send("gone.k3x9!", message())
    assert (await layer.statistics())["dropped"]["unknown"] == 2


async def test_receive_refuses_what_is_no_list_of_channels_of_its_own(make: Make) -> None:
    layer = make()
    strangers: list[Any] = ["bad name", "server.k3x9!17", "server.k3x9!", 1, ["thumbs"], "", "!", "a" * 201]
    for channels in ([], "thumbs", None, {"thumbs"}, *([stranger] for stranger in strangers)):
        with pytest.raises(ValueError, match="LAY-"):
            await layer.receive(channels, 0)


async def test_receive_refuses_an_inbox_of_another_object_and_takes_nothing(make: Make) -> None:
    layer, other = make(), make("async")
    inbox = await other.new_channel("server!")
    await layer.send("thumbs", message(1))
    with pytest.raises(ValueError, match="LAY-046"):
        await layer.receive(["thumbs", inbox], 0)
    assert (await layer.receive(["thumbs"], 0))[1] == message(1)


async def test_receive_refuses_a_timeout_that_makes_no_sense(make: Make) -> None:
    layer = make()
    for timeout in (-1, float("nan"), "1", True):
        with pytest.raises(ValueError, match="LAY-048"):
            await layer.receive(["thumbs"], timeout)


async def test_channel_names_are_checked_everywhere_l27(make: Make) -> None:
    layer = make()
    inbox = await layer.new_channel("server!")
    names: list[Any] = ["", "a b", "ä", "a!b!c", "!x", "a" * 201, "a\n", 7, None, b"a"]
    for name in names:
        for method, arguments in (
            (layer.send, (name, message())),
            (layer.close_channel, (name,)),
            (layer.group_add, ("room", name)),
            (layer.group_discard, ("room", name)),
        ):
            with pytest.raises(ValueError, match=r"LAY-00[13]"):
                await method(*arguments)
        for method, arguments in (
            (layer.group_add, (name, inbox + "1")),
            (layer.group_discard, (name, inbox + "1")),
            (layer.send_group, (name, message())),
        ):
            with pytest.raises(ValueError, match=r"LAY-00[23]"):
                await method(*arguments)


async def test_new_channel_refuses_what_is_not_a_name_and_a_mark(make: Make) -> None:
    layer = make()
    for pattern in ("server", "!", "server!x", "server!!", "a" * 140 + "!", "", None, "a b!", "a!b!"):
        with pytest.raises(ValueError, match="LAY-058"):
            await layer.new_channel(pattern)


async def test_inbox_names_are_fresh_and_follow_the_pattern(make: Make) -> None:
    layer = make()
    names = {await layer.new_channel("server!") for _ in range(50)}
    assert len(names) == 50
    assert all(name.startswith("server.") and name.endswith("!") and len(name) >= 24 for name in names)


REFUSED: list[Any] = [
    {"type": "http.request"},
    {"type": "layer.gap", "reason": "lost"},
    {"type": "server.wake"},
    {"type": "nodot"},
    {"type": ["a.b"]},
    {},
    {"type": "a.b", "x": float("nan")},
    {"type": "a.b", "x": bytearray(b"x")},
    {"type": "a.b", "x": {1: 2}},
    {"type": "a.b", "x": 2**63},
    {"type": "a.b", "x": "\ud800"},
    {"type": "a.b", "$x": 1},
    {"type": "a.b", "x": object()},
    ["type"],
]


async def test_what_nobody_could_decode_or_may_forge_is_refused_l26(make: Make) -> None:
    layer = make()
    inbox = await layer.new_channel("server!")
    await layer.group_add("room", inbox + "1")
    for bad in REFUSED:
        with pytest.raises(ValueError, match="MSG-"):
            await layer.send("thumbs", bad)
        with pytest.raises(ValueError, match="MSG-"):
            await layer.send_group("room", bad)
    assert await layer.receive(["thumbs", inbox], 0) == (None, None)


async def test_a_bridge_message_passes(make: Make) -> None:
    layer = make()
    await layer.send("thumbs", {"type": "bridge.open", "connection": "x"})
    assert (await layer.receive(["thumbs"], 0))[1]["type"] == "bridge.open"


@pytest.mark.parametrize("more", [{}, {"type": "test.message"}])
async def test_a_reply_channel_in_a_message_gets_the_new_way(make: Make, more: dict[str, Any]) -> None:
    layer = make()
    for call in (layer.send, layer.send_group):
        with pytest.raises(ValueError, match=r"reply_channel.*upgrade guide.*LAY-101"):
            await call("thumbs", {"reply_channel": "x", **more})


async def test_messages_that_are_too_large_are_refused(make: Make) -> None:
    layer = make(max_message_size=1000)
    inbox = await layer.new_channel("server!")
    await layer.group_add("room", inbox + "1")
    await layer.send("thumbs", message(body=b"x" * 500))
    for text in ("x" * 2000, "ä" * 700):
        with pytest.raises(layer.MessageTooLarge, match="LAY-033"):
            await layer.send("thumbs", message(text=text))
        with pytest.raises(layer.MessageTooLarge):
            await layer.send_group("room", message(text=[text]))
    assert await layer.receive([inbox], 0) == (None, None)


async def test_membership_begins_and_ends_with_the_call(make: Make) -> None:
    layer, sender = make(), make("sync")
    inbox = await layer.new_channel("server!")
    channel = inbox + "1"
    await sender.send_group("room", message(0))
    await layer.group_add("room", channel)
    await layer.group_add("room", channel)
    await sender.send_group("room", message(1))
    await layer.group_discard("room", channel)
    await layer.group_discard("room", channel)
    await sender.send_group("room", message(2))
    assert await layer.receive([inbox], 0) == (channel, message(1))
    assert await layer.receive([inbox], 0) == (None, None)


async def test_a_message_sent_before_a_member_left_still_reaches_it_and_not_one_that_came_later(make: Make) -> None:
    layer = make()
    inbox = await layer.new_channel("server!")
    await layer.group_add("room", inbox + "1")
    await layer.send_group("room", message(1))
    await layer.group_discard("room", inbox + "1")
    await layer.group_add("room", inbox + "2")
    assert await layer.receive([inbox], 0) == (inbox + "1", message(1))
    assert await layer.receive([inbox], 0) == (None, None)


async def test_every_change_of_members_counts_for_the_next_message(make: Make) -> None:
    layer = make()
    inbox = await layer.new_channel("server!")
    members: set[str] = set()
    for change, local in ((True, "1"), (True, "2"), (False, "1"), (True, "3"), (True, "1"), (False, "2")):
        if change:
            await layer.group_add("room", inbox + local)
            members.add(inbox + local)
        else:
            await layer.group_discard("room", inbox + local)
            members.remove(inbox + local)
        await layer.send_group("room", message())
        assert {(await layer.receive([inbox], 0))[0] for _ in members} == members
        assert await layer.receive([inbox], 0) == (None, None)


async def test_only_channels_of_ones_own_can_join_or_leave(make: Make) -> None:
    layer, other = make(), make("async")
    inbox, foreign = await layer.new_channel("server!"), await other.new_channel("server!")
    for method in (layer.group_add, layer.group_discard):
        for channel in (foreign + "1", inbox, "thumbs", "server.k3x9!17"):
            with pytest.raises(ValueError, match="GRP-002"):
                await method("room", channel)


async def test_a_closed_channel_is_in_no_group(make: Make) -> None:
    layer = make()
    inbox = await layer.new_channel("server!")
    for group in ("room", "hall"):
        for local in "12":
            await layer.group_add(group, inbox + local)
    await layer.close_channel(inbox + "1")
    await layer.close_channel(inbox + "1")
    await layer.send_group("room", message())
    await layer.send_group("hall", message())
    assert [(await layer.receive([inbox], 0))[0] for _ in range(3)] == [inbox + "2", inbox + "2", None]


async def test_a_closed_inbox_is_gone_with_what_was_in_it(make: Make) -> None:
    layer = make()
    inbox = await layer.new_channel("server!")
    await layer.group_add("room", inbox + "1")
    await layer.send(inbox + "1", message())
    await layer.close_channel(inbox)
    await layer.close_channel(inbox)
    await layer.close_channel(inbox + "1")
    await layer.send(inbox + "1", message())
    await layer.send_group("room", message())
    assert (await layer.statistics())["pending"] == 0
    with pytest.raises(ValueError, match="LAY-046"):
        await layer.receive([inbox], 0)
    with pytest.raises(ValueError, match="GRP-002"):
        await layer.group_add("room", inbox + "1")


@pytest.mark.parametrize("channel", ["thumbs", "server.k3x9!", "server.k3x9!17"])
async def test_only_ones_own_channels_can_be_closed(make: Make, channel: str) -> None:
    with pytest.raises(ValueError, match="LAY-063"):
        await make().close_channel(channel)


async def test_a_closed_object_is_of_no_use_and_owns_nothing(make: Make) -> None:
    layer, other = make(), make("async")
    inbox = await layer.new_channel("server!")
    await layer.group_add("room", inbox + "1")
    await layer.close()
    await layer.close()
    await other.send_group("room", message())
    await other.send(inbox + "1", message())
    assert (await other.statistics())["dropped"] == {"overflow": 0, "expired": 0, "lost": 0, "unknown": 1}
    for call in (
        lambda: layer.send("thumbs", message()),
        lambda: layer.send_group("room", message()),
        lambda: layer.receive(["thumbs"], 0),
        lambda: layer.new_channel("server!"),
        lambda: layer.close_channel(inbox),
        lambda: layer.group_add("room", inbox + "1"),
        lambda: layer.group_discard("room", inbox + "1"),
        lambda: layer.flush(),
        lambda: layer.statistics(),
    ):
        with pytest.raises(RuntimeError, match="closed"):
            await call()


async def test_a_waiting_receive_is_woken_by_a_message(make: Make) -> None:
    layer, sender = make(), make("sync")
    inbox = await layer.new_channel("server!")
    await layer.group_add("room", inbox + "1")
    await sender.statistics()
    for send in (
        lambda: sender.send("thumbs", message(1)),
        lambda: sender.send(inbox + "1", message(1)),
        lambda: sender.send_group("room", message(1)),
    ):
        got: list[Any] = []

        async def wait(got: list[Any] = got) -> None:
            got.append(await layer.receive(["thumbs", inbox]))

        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(wait)
                await anyio.sleep(0.005)
                await send()
        assert got[0][1] == message(1)


async def refusal_of_a_second_receive(layer: Any, inbox: str) -> str:
    try:
        await layer.receive([inbox], 0)
    except RuntimeError as error:
        return str(error)
    return ""


async def test_a_second_receive_on_an_inbox_is_refused_and_the_first_goes_on(make: Make) -> None:
    layer = make()
    inbox = await layer.new_channel("server!")
    got: list[Any] = []

    async def wait() -> None:
        got.append(await layer.receive([inbox, "thumbs"]))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            while not (refusal := await refusal_of_a_second_receive(layer, inbox)):
                await anyio.sleep(0.001)
            assert "LAY-052" in refusal
            for timeout in (0, None):
                with pytest.raises(RuntimeError, match="LAY-052"):
                    await layer.receive([inbox], timeout)
            await layer.send(inbox + "1", message(5))
    assert got == [(inbox + "1", message(5))]
    assert await layer.receive([inbox], 0) == (None, None)


async def test_closing_the_object_ends_a_waiting_receive(make: Make) -> None:
    layer = make()
    await layer.statistics()
    errors: list[Exception] = []

    async def wait() -> None:
        try:
            await layer.receive(["thumbs"])
        except RuntimeError as error:
            errors.append(error)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await anyio.sleep(0.01)
            await layer.close()
    assert "closed" in str(errors[0])


async def test_closing_an_inbox_ends_the_receive_that_waits_for_it(make: Make) -> None:
    layer = make()
    inbox = await layer.new_channel("server!")
    errors: list[Exception] = []

    async def wait() -> None:
        try:
            await layer.receive([inbox])
        except RuntimeError as error:
            errors.append(error)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await anyio.sleep(0.01)
            await layer.close_channel(inbox)
    assert "LAY-072" in str(errors[0])


async def test_statistics_count_what_this_object_did(make: Make) -> None:
    layer, other = make(), make("async")
    inbox = await layer.new_channel("server!")
    await layer.group_add("room", inbox + "1")
    await layer.send("thumbs", message())
    await layer.send_group("room", message())
    await other.send(inbox + "1", message())
    await layer.receive([inbox], 0)
    assert await layer.statistics() == {
        "sent": 2,
        "received": 1,
        "dropped": {"overflow": 0, "expired": 0, "lost": 0, "unknown": 0},
        "pending": 1,
        "reconnects": 0,
    }


async def test_statistics_and_gaps_are_valid_under_their_schemas(make: Make, clock: Any) -> None:
    layer = make(expiry=1, inbox_capacity=1)
    inbox = await layer.new_channel("server!")
    await layer.group_add("room", inbox + "1")
    for _ in range(3):
        await layer.send_group("room", message())
    clock.advance(2)
    await layer.flush()
    reasons = set()
    for attempt in range(3):
        while (received := await layer.receive([inbox], 0))[1] is not None:
            validate(received[1])
            reasons.add(received[1]["reason"])
        await layer.send(inbox + "1", message())
        if attempt == 0:
            clock.advance(2)
        else:
            await layer.flush()
    assert reasons == {"overflow", "expired", "lost"}
    Draft202012Validator(schemas.statistics()).validate(await layer.statistics())


async def test_attributes_say_what_the_object_works_by(make: Make) -> None:
    layer = make(capacity=7, expiry=3.5, max_message_size=2000).layer
    assert (layer.capacity, layer.expiry, layer.max_message_size, layer.interface) == (7, 3.5, 2000, "1.0")
    assert layer.extensions == {"flush", "statistics"}
    assert isinstance(layer.extensions, frozenset)
    for kind in (layer.ChannelFull, layer.MessageTooLarge):
        assert issubclass(kind, Exception)
        assert not issubclass(kind, (ValueError, ConnectionError))
    assert not issubclass(layer.ChannelFull, layer.MessageTooLarge)
    assert type(layer).is_async is layer.is_async


@pytest.mark.parametrize(
    "name",
    ["receive_async", "receive_many", "group_channels", "group_members", "group_send", "group_expiry"],
)
async def test_old_names_tell_the_new_way(make: Make, name: str) -> None:
    with pytest.raises(AttributeError, match=r"upgrade guide.*LAY-100"):
        getattr(make().layer, name)

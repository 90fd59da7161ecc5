"""Opening, closing, event loops, threads."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from seaway.conformance.face import Call, Face, in_thread
from seaway.conformance.layer.values import SENTINEL, number_of, numbered
from seaway.conformance.world import World


def _with(layer: Face, what: str, *arguments: Any) -> Call:
    return layer.call(f"__a{what}__" if layer.is_async else f"__{what}__", *arguments)


@pytest.mark.req("LAY-019")
async def test_with_returns_the_object(world: World) -> None:
    layer = world.layer()
    assert await _with(layer, "enter") is layer.raw
    await layer.send("work", numbered(1))


@pytest.mark.req("LAY-019")
async def test_an_object_opens_at_its_first_use_whatever_that_is(world: World) -> None:
    assert await world.layer().receive(["work"], 0) == (None, None)
    assert (await world.layer().new_channel("here!")).startswith("here.")
    await world.layer().send_group("room", numbered(1))


@pytest.mark.req("LAY-020")
async def test_leaving_with_closes(world: World) -> None:
    layer = world.layer()
    await _with(layer, "enter")
    await _with(layer, "exit", None, None, None)
    await layer.send("work", numbered(1)).raises(RuntimeError)


@pytest.mark.req("LAY-021")
async def test_close_may_be_called_again_and_before_any_use(world: World) -> None:
    unused, used = world.layer(), world.layer()
    await used.send("work", numbered(1))
    for layer in (unused, used, unused, used):
        await layer.close()


@pytest.mark.req("LAY-022")
async def test_every_method_of_a_closed_object_raises(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    extensions = layer.raw.extensions
    await layer.close()
    await layer.send("work", numbered(1)).raises(RuntimeError)
    await layer.send(f"{inbox}1", numbered(1)).raises(RuntimeError)
    await layer.receive(["work"], 0).raises(RuntimeError)
    await layer.receive([inbox], 0).raises(RuntimeError)
    await layer.new_channel().raises(RuntimeError)
    await layer.close_channel(f"{inbox}1").raises(RuntimeError)
    await layer.close_channel(inbox).raises(RuntimeError)
    await layer.group_add("room", f"{inbox}1").raises(RuntimeError)
    await layer.group_discard("room", f"{inbox}1").raises(RuntimeError)
    await layer.send_group("room", numbered(1)).raises(RuntimeError)
    await layer.send("a bad name", None).raises(RuntimeError)
    await layer.receive([], -1).raises(RuntimeError)
    for extension in {"flush", "statistics"} & extensions:
        await layer.call(extension).raises(RuntimeError)


@pytest.mark.req("LAY-022")
async def test_a_closed_object_cannot_be_opened_again(world: World) -> None:
    used, unused = world.layer(), world.layer()
    await used.send("work", numbered(1))
    for layer in (used, unused):
        await layer.close()
        await _with(layer, "enter").raises(RuntimeError)


@pytest.mark.req("LAY-023")
async def test_a_waiting_receive_raises_when_its_object_is_closed(world: World) -> None:
    for kind in ("normal", "inbox", "both"):
        layer = world.layer()
        inbox = await layer.new_channel()
        channels = {"normal": ["work"], "inbox": [inbox], "both": ["work", inbox]}[kind]
        outcome = await world.waiting(layer.receive(channels), lambda layer=layer: layer.close())  # type: ignore[misc]
        assert isinstance(outcome.error, RuntimeError), f"{kind}: {outcome}"


@pytest.mark.req("LAY-024")
@pytest.mark.needs("peer")
async def test_closing_ends_inboxes_and_memberships(world: World) -> None:
    closed, other = world.layer(inbox_capacity=2), world.layer()
    inbox, own = await closed.new_channel(), await other.new_channel()
    await closed.group_add("room", f"{inbox}1")
    await other.group_add("room", f"{own}1")
    await closed.close()
    for number in range(6):
        await other.send(f"{inbox}1", numbered(number))
        await other.send_group("room", numbered(number))
    await other.send(f"{own}1", SENTINEL)
    assert sorted(map(number_of, await other.up_to(SENTINEL, own))) == list(range(6))


@pytest.mark.req("LAY-025")
@pytest.mark.needs("async")
async def test_another_event_loop_is_told_so(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    calls = {
        "send": ("work", numbered(1)),
        "receive": (["work"], 0),
        "new_channel": ("here!",),
        "group_add": ("room", f"{inbox}1"),
        "send_group": ("room", numbered(1)),
    }
    for name, arguments in calls.items():

        async def call(name: str = name, arguments: Any = arguments) -> BaseException | None:
            return (await layer.call(name, *arguments).outcome()).error

        error = await in_thread(lambda call=call: anyio.run(call, backend="asyncio"), world.subject.backend)  # type: ignore[misc]
        assert isinstance(error, RuntimeError), f"{name} in another event loop: {error!r}, expected RuntimeError"
        assert "loop" in str(error), f"{name}: {error}; expected it to say that the event loop is another"
    await layer.send("work", SENTINEL)
    assert await layer.up_to(SENTINEL, "work") == []


@pytest.mark.req("LAY-027")
@pytest.mark.needs("sync")
async def test_many_threads_use_one_object(world: World) -> None:
    layer = world.layer(capacity=1000)
    sends = [layer.send("work", numbered(number)) for number in range(40)]
    receives = [layer.receive(["work"], world.limits.deadline) for _ in range(40)]
    ended = await world.together([call for pair in zip(sends, receives, strict=True) for call in pair])
    assert [outcome.error for outcome in ended if outcome.error is not None] == []
    got = [outcome.value[1] for outcome in ended[1::2] if outcome.value[0] is not None]
    assert sorted(map(number_of, got)) == list(range(40))

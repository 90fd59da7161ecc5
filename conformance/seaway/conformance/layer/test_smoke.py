"""Without these nothing else makes sense."""

from __future__ import annotations

import inspect

import pytest

from seaway.conformance.world import World


@pytest.mark.req("LAY-013")
async def test_an_object_is_made(world: World) -> None:
    world.layer()


@pytest.mark.req("LAY-006")
async def test_its_methods_are_of_its_flavour(world: World) -> None:
    raw = world.layer().raw
    kind = "a coroutine function (async def)" if world.subject.is_async else "an ordinary function"
    for name in ("send", "receive", "close"):
        method = getattr(raw, name, None)
        assert callable(method), f"{type(raw).__name__} has no method {name!r}"
        text = f"is_async is {world.subject.is_async}, so {name!r} must be {kind}"
        assert inspect.iscoroutinefunction(method) is world.subject.is_async, text


@pytest.mark.req("LAY-028")
async def test_a_message_is_sent(world: World) -> None:
    layer = world.layer()
    result = await layer.send("work", {"type": "test.message"})
    assert result is None, f"send returned {result!r}, expected None"


@pytest.mark.req("LAY-039")
async def test_a_message_is_received(world: World) -> None:
    layer = world.layer()
    await layer.send("work", {"type": "test.message", "number": 1})
    received = await layer.receive(["work"], world.limits.deadline)
    assert received == ("work", {"type": "test.message", "number": 1})


@pytest.mark.req("LAY-021")
async def test_an_object_is_closed(world: World) -> None:
    layer = world.layer()
    await layer.send("work", {"type": "test.message"})
    await layer.close()

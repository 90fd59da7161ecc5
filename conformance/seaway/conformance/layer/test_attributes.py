"""What a layer object says about itself."""

from __future__ import annotations

import inspect
import re

import pytest

from seaway.conformance.world import World

METHODS = (*("send", "receive", "new_channel", "close_channel", "group_add", "group_discard", "send_group", "close"),)
OLD_NAMES = ("receive_async", "receive_many", "group_channels", "group_members", "group_send", "group_expiry")


@pytest.mark.req("LAY-006")
async def test_is_async_says_whether_methods_are_coroutine_functions(world: World) -> None:
    raw = world.layer().raw
    assert raw.is_async is world.subject.is_async
    assert type(raw).is_async is raw.is_async
    for name in METHODS:
        assert inspect.iscoroutinefunction(getattr(raw, name)) is raw.is_async, name


@pytest.mark.req("LAY-007")
async def test_interface_is_1_0_on_object_and_class(world: World) -> None:
    raw = world.layer().raw
    assert raw.interface == "1.0"
    assert type(raw).interface == "1.0"


@pytest.mark.req("VER-001")
async def test_interface_is_two_numbers(world: World) -> None:
    interface = world.layer().raw.interface
    assert isinstance(interface, str)
    assert re.fullmatch(r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)", interface), interface


@pytest.mark.req("LAY-008")
async def test_extensions_is_a_frozenset_of_names(world: World) -> None:
    extensions = world.layer().raw.extensions
    assert type(extensions) is frozenset
    assert all(type(name) is str for name in extensions), extensions


@pytest.mark.req("VER-006")
async def test_an_extension_of_a_third_party_has_a_vendor(world: World) -> None:
    for name in world.layer().raw.extensions - {"flush", "statistics"}:
        assert re.fullmatch(r"[A-Za-z0-9._-]+:[A-Za-z0-9._-]+", name), name


@pytest.mark.req("LAY-009")
async def test_limits_are_attributes_from_construction_on(world: World) -> None:
    raw = world.layer(capacity=7, expiry=33, max_message_size=54321).raw
    assert (raw.capacity, raw.expiry, raw.max_message_size) == (7, 33, 54321)


@pytest.mark.req("LAY-010")
async def test_exception_classes_are_attributes_and_are_what_is_raised(world: World) -> None:
    layer = world.layer(capacity=1, max_message_size=1000)
    for name in ("ChannelFull", "MessageTooLarge"):
        kind = getattr(layer.raw, name)
        assert isinstance(kind, type), name
        assert issubclass(kind, Exception), name
    await layer.send("work", {"type": "test.message"})
    await layer.send("work", {"type": "test.message"}).raises(layer.raw.ChannelFull)
    await layer.send("other", {"type": "test.message", "text": "x" * 3000}).raises(layer.raw.MessageTooLarge)


@pytest.mark.req("LAY-011")
async def test_exception_classes_are_told_apart(world: World) -> None:
    raw = world.layer().raw
    full, large = raw.ChannelFull, raw.MessageTooLarge
    assert not issubclass(full, large)
    assert not issubclass(large, full)
    for kind in (full, large):
        assert not issubclass(kind, (ValueError, ConnectionError)), kind


@pytest.mark.req("LAY-100")
async def test_old_names_say_what_is_new(world: World) -> None:
    layer = world.layer()
    for name in OLD_NAMES:
        error = await layer.call(name).raises(AttributeError)
        plain = f"{type(layer.raw).__name__!r} object has no attribute {name!r}"
        assert len(str(error)) > len(plain), f"{name}: {error}; expected the new way"


@pytest.mark.req("LAY-101")
async def test_a_reply_channel_is_refused(world: World) -> None:
    layer = world.layer()
    message = {"type": "test.message", "reply_channel": "server.k3x9!17"}
    await layer.send("work", message).raises(ValueError)
    await layer.send_group("room", message).raises(ValueError)


@pytest.mark.req("LAY-106")
@pytest.mark.needs("no flush")
async def test_flush_without_the_extension_is_refused(world: World) -> None:
    await world.layer().flush().raises(AttributeError, NotImplementedError)


@pytest.mark.req("LAY-106")
@pytest.mark.needs("no statistics")
async def test_statistics_without_the_extension_is_refused(world: World) -> None:
    await world.layer().statistics().raises(AttributeError, NotImplementedError)

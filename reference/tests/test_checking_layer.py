"""`checked_layer`: a correct layer and its callers are silent, a broken one is named with its requirement."""

import inspect
import logging
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from seaway.layers import MemoryLayer, SyncMemoryLayer
from seaway.reference.checking import RequirementBroken, checked_layer

pytestmark = pytest.mark.anyio
Told = list[tuple[str, str]]
MESSAGE = {"type": "chat.line", "text": "ahoy"}


@pytest.fixture
def anyio_backend() -> str:
    """One is enough: the wrapper only passes on what a layer awaits."""
    return "asyncio"


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Callable[[], Told]:
    """What was told since the last look: who broke which requirement."""

    def look() -> Told:
        broken = [record.args[0] for record in caplog.records if record.name == "seaway.check" and record.args]  # type: ignore[index]
        caplog.clear()
        # A consumer of another module's test that the garbage collector finds now is not of interest.
        return [(one.by, one.requirement) for one in broken if one.by != "server"]  # type: ignore[union-attr]

    caplog.set_level(logging.ERROR, "seaway.check")
    return look


async def done(result: Any) -> Any:
    """The result of a call of either flavour."""
    return await result if inspect.isawaitable(result) else result


def made(is_async: bool, *, raises: bool = False, **options: Any) -> Any:
    return checked_layer((MemoryLayer if is_async else SyncMemoryLayer)(**options), raises=raises)


def bent(is_async: bool, **members: Any) -> Any:
    """A checked layer, some of whose members are others: a function is a method, which is called with the arguments."""
    base = MemoryLayer if is_async else SyncMemoryLayer
    kind = type("Bent", (base,), {name: _method(value, is_async) for name, value in members.items()})
    return checked_layer(kind())


def _method(value: Any, is_async: bool) -> Any:
    if not inspect.isfunction(value):
        return value

    def method(self: Any, *arguments: Any, **keywords: Any) -> Any:
        return value(*arguments, **keywords)

    async def async_method(self: Any, *arguments: Any, **keywords: Any) -> Any:
        return value(*arguments, **keywords)

    return async_method if is_async else method


async def test_what_is_right_is_not_told(told: Callable[[], Told], is_async: bool) -> None:
    layer = made(is_async, raises=True, capacity=2)
    inbox = await done(layer.new_channel("server!"))
    channel = f"{inbox}1"
    await done(layer.send("work", MESSAGE))
    assert await done(layer.receive(["work", inbox], timeout=5)) == ("work", MESSAGE)
    assert await done(layer.receive(("work",), timeout=0)) == (None, None)
    await done(layer.group_add("room", channel))
    await done(layer.send_group("room", MESSAGE))
    assert await done(layer.receive([inbox])) == (channel, MESSAGE)
    await done(layer.group_discard("room", channel))
    await done(layer.send("gone.abcdefghijklmnop!", MESSAGE))
    for _ in range(2):
        await done(layer.send("work", {"type": "bridge.later"}))
    with pytest.raises(layer.ChannelFull):
        await done(layer.send("work", MESSAGE))
    assert (await done(layer.statistics()))["sent"] == 5
    await done(layer.flush())
    assert (await done(layer.receive([inbox], timeout=0)))[1] in (
        None,
        {"type": "layer.gap", "reason": "lost", "dropped": None},
    )
    await done(layer.close_channel(channel))
    await done(layer.close_channel(inbox))
    await done(layer.close_channel(inbox))
    await done(layer.close())
    await done(layer.close())

    assert told() == []


async def test_it_opens_and_closes_with_its_block(told: Callable[[], Told], is_async: bool) -> None:
    layer = made(is_async)
    if is_async:
        async with layer as entered:
            await layer.send("work", MESSAGE)
    else:
        with layer as entered:
            layer.send("work", MESSAGE)
    assert entered is layer
    assert told() == []
    with pytest.raises(RuntimeError, match="closed"):
        await done(layer.send("work", MESSAGE))
    assert told() == [("caller", "LAY-022")]


async def test_a_block_that_gives_something_else(told: Callable[[], Told], is_async: bool) -> None:
    layer = bent(is_async, __aenter__=lambda: None, __enter__=lambda: None)
    if is_async:
        async with layer:
            pass
    else:
        with layer:
            pass
    assert told() == [("layer", "LAY-019")]


async def test_a_closed_layer_is_not_entered_again(told: Callable[[], Told], is_async: bool) -> None:
    layer = made(is_async)
    await done(layer.close())
    with pytest.raises(RuntimeError, match="closed"):
        await done(layer.__aenter__() if is_async else layer.__enter__())
    assert told() == [("caller", "LAY-022")]


async def test_a_closed_channel_and_a_closed_inbox_are_no_longer_owned(
    told: Callable[[], Told], is_async: bool
) -> None:
    layer = made(is_async)
    inbox = await done(layer.new_channel("server!"))
    await done(layer.close_channel(inbox))
    for method, arguments in (("receive", ([inbox], 0)), ("group_add", ("room", f"{inbox}1"))):
        with pytest.raises(ValueError, match=r"LAY-046|GRP-002"):
            await done(getattr(layer, method)(*arguments))
    assert told() == [("caller", "LAY-046"), ("caller", "GRP-002")]


CALLERS: dict[str, tuple[str, tuple[Any, ...], str]] = {
    "a channel that is none": ("send", ("a b", MESSAGE), "LAY-001"),
    "a channel that is no text": ("send", (None, MESSAGE), "LAY-001"),
    "a channel that is too long": ("send", ("a" * 201, MESSAGE), "LAY-003"),
    "a group that is none": ("send_group", ("a!", MESSAGE), "LAY-002"),
    "no message": ("send", ("work", ["chat.line"]), "MSG-001"),
    "a message without a type": ("send", ("work", {"text": "a"}), "MSG-001"),
    "a type of one word": ("send", ("work", {"type": "chat"}), "MSG-002"),
    "a value that cannot travel": ("send", ("work", {"type": "a.b", "x": object()}), "MSG-003"),
    "a number that is too large": ("send_group", ("room", {"type": "a.b", "x": 2**63}), "MSG-004"),
    "a number that is none": ("send", ("work", {"type": "a.b", "x": float("nan")}), "MSG-005"),
    "a key that is reserved": ("send", ("work", {"type": "a.b", "$x": 1}), "MSG-009"),
    "a reserved type": ("send", ("work", {"type": "websocket.receive", "text": "a"}), "MSG-021"),
    "a reserved type that nobody knows": ("send_group", ("room", {"type": "server.later"}), "MSG-021"),
    "a gap made by hand": ("send", ("work", {"type": "layer.gap", "reason": "lost"}), "MSG-021"),
    "nothing to receive from": ("receive", ([],), "LAY-045"),
    "a text to receive from": ("receive", ("work",), "LAY-045"),
    "a set to receive from": ("receive", ({"work"},), "LAY-044"),
    "an inbox of somebody else": ("receive", (["server.abcdefghijklmnop!"],), "LAY-046"),
    "a local name to receive from": ("receive", (["server.abcdefghijklmnop!1"],), "LAY-047"),
    "a time below 0": ("receive", (["work"], -1), "LAY-048"),
    "a time that is none": ("receive", (["work"], "1"), "LAY-048"),
    "a pattern without its end": ("new_channel", ("server",), "LAY-058"),
    "a normal channel to close": ("close_channel", ("work",), "LAY-063"),
    "a foreign inbox to close": ("close_channel", ("server.abcdefghijklmnop!",), "LAY-063"),
    "a normal channel in a group": ("group_add", ("room", "work"), "GRP-002"),
    "a foreign channel in a group": ("group_add", ("room", "server.abcdefghijklmnop!1"), "GRP-002"),
    "a foreign channel out of a group": ("group_discard", ("room", "server.abcdefghijklmnop!1"), "GRP-002"),
}


@pytest.mark.parametrize(("method", "arguments", "requirement"), CALLERS.values(), ids=CALLERS)
async def test_what_a_caller_breaks_is_told(
    told: Callable[[], Told], is_async: bool, method: str, arguments: tuple[Any, ...], requirement: str
) -> None:
    layer = made(is_async)
    with pytest.raises(ValueError, match=r"[A-Z]+-\d{3}"):
        await done(getattr(layer, method)(*arguments))
    assert told() == [("caller", requirement)]

    strict = made(is_async, raises=True)
    with pytest.raises(RequirementBroken, match=f"the caller broke {requirement}"):
        await done(getattr(strict, method)(*arguments))


@pytest.mark.parametrize(("method", "arguments", "requirement"), CALLERS.values(), ids=CALLERS)
async def test_a_layer_that_takes_it_is_told_too(
    told: Callable[[], Told], is_async: bool, method: str, arguments: tuple[Any, ...], requirement: str
) -> None:
    layer = bent(is_async, **{method: lambda *_: None})
    await done(getattr(layer, method)(*arguments))
    assert told() == [("caller", requirement), ("layer", requirement)]


async def test_the_bare_inbox_joins_no_group(told: Callable[[], Told], is_async: bool) -> None:
    layer = made(is_async)
    inbox = await done(layer.new_channel("server!"))
    with pytest.raises(ValueError, match="GRP-002"):
        await done(layer.group_add("room", inbox))
    assert told() == [("caller", "GRP-002")]


def raising(error: Exception) -> Callable[..., Any]:
    def method(*_: Any) -> Any:
        raise error

    return method


LARGE = {"type": "chat.line", "text": "a" * 3_000_000}

RESULTS: dict[str, tuple[str, tuple[Any, ...], Any, str]] = {
    "a send that returns something": ("send", ("work", MESSAGE), True, "LAY-028"),
    "a send that takes what is too large": ("send", ("work", LARGE), None, "LAY-033"),
    "a message without its channel": ("receive", (["work"],), MESSAGE, "LAY-039"),
    "a list for a pair": ("receive", (["work"],), ["work", MESSAGE], "LAY-039"),
    "nothing, though it may wait for ever": ("receive", (["work"],), (None, None), "LAY-041"),
    "a message of another channel": ("receive", (["work"],), ("other", MESSAGE), "LAY-050"),
    "a message that is none": ("receive", (["work"],), ("work", {"text": "a"}), "MSG-001"),
    "a tuple that stays one": ("receive", (["work"],), ("work", {**MESSAGE, "x": (1,)}), "MSG-015"),
    "a subclass that stays one": (
        "receive",
        (["work"],),
        ("work", {**MESSAGE, "x": type("S", (str,), {})()}),
        "MSG-016",
    ),
    "a reserved type": ("receive", (["work"],), ("work", {"type": "http.disconnect"}), "MSG-021"),
    "a gap of a normal channel": ("receive", (["work"],), ("work", {"type": "layer.gap", "reason": "lost"}), "GAP-013"),
    "an inbox of another name": ("new_channel", ("server!",), "client.abcdefghijklmnop!", "LAY-057"),
    "an inbox that can be guessed": ("new_channel", ("server!",), "server.1!", "LAY-059"),
    "counters without a name": ("statistics", (), {}, "LAY-107"),
    "counters that are no numbers": (
        "statistics",
        (),
        {
            "sent": 1,
            "received": 0,
            "pending": 0,
            "reconnects": -1,
            "dropped": {"overflow": 0, "expired": 0, "lost": 0, "unknown": 0},
        },
        "LAY-107",
    ),
}


@pytest.mark.parametrize(("method", "arguments", "result", "requirement"), RESULTS.values(), ids=RESULTS)
async def test_what_a_layer_returns_is_checked(
    told: Callable[[], Told], is_async: bool, method: str, arguments: tuple[Any, ...], result: Any, requirement: str
) -> None:
    layer = bent(is_async, **{method: lambda *_: result})
    await done(getattr(layer, method)(*arguments))
    assert told() == [("layer", requirement)]


async def test_an_inbox_that_is_given_twice(told: Callable[[], Told], is_async: bool) -> None:
    layer = bent(is_async, new_channel=lambda pattern: "server.abcdefghijklmnop!")
    await done(layer.new_channel("server!"))
    assert told() == []
    await done(layer.new_channel("server!"))
    assert told() == [("layer", "LAY-057")]


GAPS = {
    "a reason that nobody knows": ({"reason": "tired"}, "GAP-001"),
    "no number where it can be known": ({"reason": "expired"}, "GAP-008"),
}


@pytest.mark.parametrize(("gap", "requirement"), GAPS.values(), ids=GAPS)
async def test_a_gap_that_is_not_right(
    told: Callable[[], Told], is_async: bool, gap: dict[str, Any], requirement: str
) -> None:
    name = "server.abcdefghijklmnop!"
    layer = bent(
        is_async,
        new_channel=lambda _: name,
        receive=lambda *_: (f"{name}1", {"type": "layer.gap", **gap}),
    )
    await done(layer.new_channel("server!"))
    await done(layer.receive([name]))
    assert told() == [("layer", requirement)]


RAISED: dict[str, tuple[str, tuple[Any, ...], Exception, str]] = {
    "a close that needs a broker": ("close", (), ConnectionError("no broker"), "LAY-021"),
    "an error that names nothing": ("send", ("work", MESSAGE), ValueError("no"), "MSG-012"),
    "a small message that is too large": (
        "send",
        ("work", MESSAGE),
        MemoryLayer.MessageTooLarge("too large"),
        "LAY-034",
    ),
    "a group that is full": ("send_group", ("room", MESSAGE), MemoryLayer.ChannelFull("full"), "GRP-010"),
}


@pytest.mark.parametrize(("method", "arguments", "error", "requirement"), RAISED.values(), ids=RAISED)
async def test_what_a_layer_raises_is_checked(
    told: Callable[[], Told],
    is_async: bool,
    method: str,
    arguments: tuple[Any, ...],
    error: Exception,
    requirement: str,
) -> None:
    layer = bent(is_async, **{method: raising(error)})
    with pytest.raises(type(error)):
        await done(getattr(layer, method)(*arguments))
    assert told() == [("layer", requirement)]


async def test_closing_a_channel_needs_no_broker(told: Callable[[], Told], is_async: bool) -> None:
    layer = bent(is_async, close_channel=raising(ConnectionError("no broker")))
    inbox = await done(layer.new_channel("server!"))
    with pytest.raises(ConnectionError):
        await done(layer.close_channel(inbox))
    assert told() == [("layer", "LAY-065")]


async def test_a_layer_that_goes_on_when_it_is_closed(told: Callable[[], Told], is_async: bool) -> None:
    layer = bent(is_async, send=lambda *_: None)
    await done(layer.close())
    await done(layer.send("work", MESSAGE))
    assert told() == [("caller", "LAY-022"), ("layer", "LAY-022")]


async def test_a_second_receive_on_an_inbox(told: Callable[[], Told]) -> None:
    layer = made(True)
    inbox = await layer.new_channel("server!")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(layer.receive, [inbox])
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(RuntimeError):
            await layer.receive([inbox])
        await layer.send(f"{inbox}1", MESSAGE)
    assert told() == [("caller", "LAY-052")]
    assert await layer.receive([inbox], timeout=0) == (None, None)
    assert told() == []


class Other(MemoryLayer.ChannelFull): ...


ATTRIBUTES: dict[str, tuple[dict[str, Any], str]] = {
    "another version": ({"interface": "2.0"}, "LAY-007"),
    "extensions that can change": ({"extensions": {"flush"}}, "LAY-008"),
    "a capacity that is none": ({"capacity": None}, "LAY-009"),
    "an error that is no class": ({"ChannelFull": "full"}, "LAY-010"),
    "errors of one family": ({"MessageTooLarge": Other}, "LAY-011"),
    "an error that is another": ({"ChannelFull": ConnectionError}, "LAY-011"),
    "a method that is missing": ({"group_discard": None}, "GRP-005"),
}


@pytest.mark.parametrize(("members", "requirement"), ATTRIBUTES.values(), ids=ATTRIBUTES)
async def test_attributes_are_checked_when_it_is_wrapped(
    told: Callable[[], Told], is_async: bool, members: dict[str, Any], requirement: str
) -> None:
    bent(is_async, **members)
    assert told() == [("layer", requirement)]


async def test_a_flavour_that_is_no_bool(told: Callable[[], Told]) -> None:
    checked_layer(type("Odd", (SyncMemoryLayer,), {"is_async": 0})())
    assert told() == [("layer", "LAY-006")]


async def test_a_flavour_that_the_methods_have_not(told: Callable[[], Told], is_async: bool) -> None:
    base = SyncMemoryLayer if is_async else MemoryLayer
    layer = checked_layer(type("Liar", (base,), {"is_async": is_async})())
    result = layer.send("work", MESSAGE)
    if is_async:
        await result
    assert told() == [("layer", "LAY-006")]


async def test_the_fields_of_a_bridge_are_the_callers_business(told: Callable[[], Told], is_async: bool) -> None:
    layer = made(is_async)
    await done(layer.send("work", {"type": "bridge.ack", "connection": 5}))
    assert [by for by, _ in told()] == ["caller"]


async def test_what_only_the_layer_can_know_is_told_from_its_error(told: Callable[[], Told], is_async: bool) -> None:
    layer = bent(is_async, send=raising(ValueError("no longer so; see the upgrade guide (LAY-101)")))
    with pytest.raises(ValueError, match="LAY-101"):
        await done(layer.send("work", {**MESSAGE, "reply_channel": "a"}))
    assert told() == [("caller", "LAY-101")]


async def test_an_extension_that_is_not_announced(told: Callable[[], Told], is_async: bool) -> None:
    layer = bent(is_async, extensions=frozenset())
    await done(layer.flush())
    assert told() == [("layer", "LAY-106")]


async def test_the_wrapper_has_the_attributes_of_the_layer(is_async: bool) -> None:
    layer = made(is_async, capacity=7, expiry=3)
    assert (layer.is_async, layer.interface, layer.capacity, layer.expiry) == (is_async, "1.0", 7, 3)
    assert layer.ChannelFull is MemoryLayer.ChannelFull
    with pytest.raises(AttributeError, match="LAY-100"):
        _ = layer.receive_many

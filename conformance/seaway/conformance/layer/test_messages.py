"""What a message may be, and how it arrives."""

from __future__ import annotations

from collections import OrderedDict, UserDict, defaultdict, namedtuple
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from math import copysign, inf, nan
from typing import Any

import pytest

from seaway.conformance.face import Face
from seaway.conformance.layer.values import SENTINEL, numbered
from seaway.conformance.world import World


class Number(IntEnum):
    SEVEN = 7


class Word(StrEnum):
    SEA = "sea"


class Text(str):
    pass


class Real(float):
    pass


class Raw(bytes):
    pass


Point = namedtuple("Point", "x y")


def _with(value: Any) -> dict[str, Any]:
    return {"type": "test.message", "value": value}


def _places(value: Any) -> Iterable[dict[str, Any]]:
    """Yield messages with *value* at several depths."""
    yield _with(value)
    yield _with([value])
    yield _with({"inner": [{"value": value}]})
    yield _with((1, value))


async def _refused(layer: Face, messages: Iterable[Any], requirement: str) -> None:
    for message in messages:
        await layer.send("work", message).raises(ValueError)
        await layer.send_group("room", message).raises(ValueError)
        await layer.send("server.k3x9q0w7k3x9q0w7!1", message).raises(ValueError)
    await layer.send("work", SENTINEL)
    assert await layer.up_to(SENTINEL, "work") == [], requirement


def same(one: Any, other: Any) -> bool:
    """Return whether two values are equal in values and types, at every depth."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return bool(one == other and copysign(1, one) == copysign(1, other))
    return bool(one == other)


async def _arrives(world: World, sent: Iterable[tuple[Any, Any]]) -> None:
    """Each value is sent in every way; what is expected beside it must arrive."""
    layer = world.layer()
    inbox = await layer.new_channel()
    await layer.group_add("room", f"{inbox}1")
    for value, expected in sent:
        await layer.send("work", _with(value))
        await layer.send(f"{inbox}1", _with(value))
        await layer.send_group("room", _with(value))
        for source in ("work", inbox, inbox):
            arrived = await layer.message(source)
            assert same(arrived, _with(expected)), f"{_with(value)!r:.200} arrived as {arrived!r:.200}"


@pytest.mark.req("MSG-001")
async def test_a_message_is_a_dict_with_a_type(world: World) -> None:
    bad: tuple[Any, ...] = (None, "test.message", [("type", "test.message")], {}, {"number": 1}, b"", 1)
    await _refused(world.layer(), (*bad, UserDict(type="test.message")), "MSG-001")
    await _refused(world.layer(), [{"type": value} for value in (None, 1, b"test.message", ["a.b"])], "MSG-001")


@pytest.mark.req("MSG-002")
async def test_a_type_is_words_joined_by_dots(world: World) -> None:
    layer = world.layer()
    bad = ("", "test", "Test.message", "test.Message", "test.", ".test", "test..message", "test.message\n", "té.st")
    await _refused(
        layer, [{"type": name} for name in (*bad, "1test.a", "test.1", "test-a.b", "_a.b", "a._b")], "MSG-002"
    )
    for name in ("a.b", "chat2.line_added", "a.b.c.d", "a_.b_9"):
        await layer.send("work", {"type": name})
        assert await layer.message("work") == {"type": name}


@pytest.mark.req("MSG-003")
async def test_other_types_of_values_are_refused(world: World) -> None:
    others: tuple[Any, ...] = (
        {1},
        frozenset(),
        object(),
        1j,
        Decimal(1),
        datetime(2017, 7, 13),
        range(3),
        _with,
        iter([]),
    )
    await _refused(world.layer(), [message for value in others for message in _places(value)], "MSG-003")


@pytest.mark.req("MSG-004")
async def test_an_int_has_64_bits(world: World) -> None:
    bad = (2**63, -(2**63) - 1, 2**64, 10**30)
    await _refused(world.layer(), [message for value in bad for message in _places(value)], "MSG-004")
    await _arrives(world, [(value, value) for value in (2**63 - 1, -(2**63), 0, -1, 2**53 + 1)])


@pytest.mark.req("MSG-005")
async def test_a_float_is_finite(world: World) -> None:
    await _refused(world.layer(), [message for value in (nan, inf, -inf) for message in _places(value)], "MSG-005")


@pytest.mark.req("MSG-006")
async def test_a_str_has_no_lone_surrogates(world: World) -> None:
    layer = world.layer()
    bad = ("\ud800", "a\udfff", "\udc80b")
    await _refused(layer, [message for value in bad for message in _places(value)], "MSG-006")
    await _refused(layer, [_with({value: 1}) for value in bad], "MSG-006")


@pytest.mark.req("MSG-007")
async def test_keys_are_str(world: World) -> None:
    layer = world.layer()
    bad: tuple[Any, ...] = (1, None, b"a", 1.5, ("a",), True)
    await _refused(layer, [message for key in bad for message in _places({key: 1})], "MSG-007")
    await _refused(layer, [{"type": "test.message", key: 1} for key in bad], "MSG-007")


def _nested(depth: int) -> dict[str, Any]:
    """Return a message of that depth, the message itself counted."""
    value: Any = 1
    for level in range(depth - 1):
        value = [value] if level % 2 else {"inner": value}
    return _with(value)


@pytest.mark.req("MSG-008")
async def test_nesting_is_at_most_32_deep(world: World) -> None:
    layer = world.layer()
    await _refused(layer, [_nested(33), _nested(34), _nested(200)], "MSG-008")
    await layer.send("work", _nested(32))
    assert await layer.message("work") == _nested(32)


@pytest.mark.req("MSG-009")
async def test_a_key_does_not_begin_with_a_dollar(world: World) -> None:
    layer = world.layer()
    await _refused(
        layer, [{"type": "test.message", "$trace": 1}, *_places({"$bytes": "aGk="}), *_places({"$": 1})], "MSG-009"
    )
    await layer.send("work", _with({"a$": 1, "": 2}))
    assert await layer.message("work") == _with({"a$": 1, "": 2})


@pytest.mark.req("MSG-010")
async def test_bytearray_and_memoryview_are_refused(world: World) -> None:
    bad = (bytearray(b"a"), memoryview(b"a"))
    await _refused(world.layer(), [message for value in bad for message in _places(value)], "MSG-010")


@pytest.mark.req("MSG-011")
async def test_a_bad_message_raises_value_error_wherever_it_goes(world: World) -> None:
    layer = world.layer()
    inbox = await layer.new_channel()
    for channel in ("work", inbox, f"{inbox}1"):
        for message in (None, {"type": "test"}, _with(nan), _with({1: 1}), _with(bytearray())):
            await layer.send(channel, message).raises(ValueError)


@pytest.mark.req("MSG-012")
async def test_the_error_names_the_requirement(world: World) -> None:
    layer = world.layer()
    bad: dict[str, Any] = {
        "MSG-002": {"type": "test"},
        "MSG-004": _with(2**63),
        "MSG-005": _with(nan),
        "MSG-006": _with("\ud800"),
        "MSG-007": _with({1: 1}),
        "MSG-008": _nested(33),
        "MSG-009": {"type": "test.message", "$x": 1},
        "MSG-021": {"type": "websocket.receive", "text": "x"},
    }
    for identifier, message in bad.items():
        error = await layer.send("work", message).raises(ValueError)
        assert identifier in str(error), f"{error}; expected it to name {identifier}"


@pytest.mark.req("MSG-013")
async def test_the_error_names_the_field(world: World) -> None:
    layer = world.layer()
    for message, field in (
        ({"type": "test.message", "sizes": [64, nan]}, "sizes[1]"),
        (_with({"a": [b"", 2**64]}), "value.a[1]"),
    ):
        error = await layer.send("work", message).raises(ValueError)
        assert field in str(error), f"{error}; expected it to name {field}"


@pytest.mark.req("MSG-014")
async def test_values_arrive_as_they_were_sent(world: World) -> None:
    values: list[Any] = [
        None,
        True,
        False,
        0,
        1,
        -1,
        1.0,
        0.0,
        -0.0,
        1e300,
        5e-324,
        0.1,
        "",
        "a\x00b",
        "é",
        "\U0001f30a",
        "\ufeff",
    ]
    values += [
        b"",
        b"\x00\xff\xfe",
        bytes(range(256)),
        [],
        [[]],
        {},
        {"": {}},
        [None, [True, 1, 1.0, "1", b"1"]],
        "x" * 70000,
    ]
    values += [
        {"type": "http.request", "a": {"b": [1, {"c": b"d"}]}},
        list(range(3000)),
        {f"k{n}": n for n in range(300)},
    ]
    await _arrives(world, [(value, value) for value in values])


@pytest.mark.req("MSG-014")
async def test_unknown_keys_arrive_too(world: World) -> None:
    layer = world.layer()
    message = {"type": "test.message", "Any key": 1, "é": 2, "channel": "x", "__class__": 3, "a.b": 4}
    await layer.send("work", message)
    assert same(await layer.message("work"), message)


@pytest.mark.req("MSG-015")
async def test_a_tuple_arrives_as_a_list(world: World) -> None:
    await _arrives(world, [((), []), ((1, (2, 3)), [1, [2, 3]]), ([({"a": (1,)},)], [[{"a": [1]}]])])


@pytest.mark.req("MSG-016")
async def test_subclasses_arrive_as_what_they_are_built_on(world: World) -> None:
    counted: defaultdict[str, int] = defaultdict(int, a=1)
    sent: list[tuple[Any, Any]] = [
        (Number.SEVEN, 7),
        (Word.SEA, "sea"),
        (Text("a"), "a"),
        (Real(1.5), 1.5),
        (Raw(b"a"), b"a"),
    ]
    sent += [(Point(1, 2), [1, 2]), (OrderedDict(a=1), {"a": 1}), (counted, {"a": 1}), ([Number.SEVEN], [7])]
    sent += [({Text("k"): Real(2)}, {"k": 2.0}), ({Word.SEA: Word.SEA}, {"sea": "sea"})]
    await _arrives(world, sent)


@pytest.mark.req("MSG-016")
async def test_a_message_may_be_of_a_subclass_itself(world: World) -> None:
    layer = world.layer()
    await layer.send("work", OrderedDict(type=Text("test.message"), number=1))
    assert same(await layer.message("work"), numbered(1))


@pytest.mark.req("MSG-021")
async def test_reserved_types_are_refused(world: World) -> None:
    layer = world.layer()
    for prefix in ("http.", "http2.", "websocket.", "lifespan.", "task.", "server.", "layer."):
        await _refused(layer, [{"type": f"{prefix}anything"}, {"type": f"{prefix}a.b"}], "MSG-021")
    await _refused(
        layer, [{"type": "layer.gap", "reason": "lost"}, {"type": "websocket.receive", "text": "x"}], "MSG-021"
    )


@pytest.mark.req("MSG-021")
async def test_other_types_that_look_like_reserved_ones_are_sent(world: World) -> None:
    layer = world.layer()
    for name in (
        "bridge.open",
        "bridge.any.thing",
        "httpx.a",
        "http3.a",
        "my.http.request",
        "layers.gap",
        "tasks.stop",
    ):
        await layer.send("work", {"type": name})
        assert await layer.message("work") == {"type": name}

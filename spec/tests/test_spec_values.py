"""`normalise`: what a message may carry, and the copy that a layer keeps of it."""

from __future__ import annotations

import enum
import math
from collections import OrderedDict, UserDict, defaultdict, namedtuple
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seaway.spec import InvalidMessage, normalise

Point = namedtuple("Point", "x y")


class Colour(enum.StrEnum):
    RED = "red"

    def __str__(self) -> str:
        return "not the value"


class Level(enum.IntEnum):
    HIGH = 3


class Ratio(float):
    def __float__(self) -> float:
        return 99.0


class Text(str):
    __slots__ = ()


class Blob(bytes):
    def __bytes__(self) -> bytes:
        return b"not the value"


class Backwards(list[Any]):
    def __iter__(self) -> Any:
        return reversed(self)


class Liar:
    """Says that it is text."""

    __class__ = str  # type: ignore[assignment]


def refused(message: Any) -> InvalidMessage:
    with pytest.raises(InvalidMessage) as caught:
        normalise(message)
    return caught.value


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary()
)
keys = st.text(st.characters(exclude_categories=["Cs"])).filter(lambda key: not key.startswith("$") and key != "type")
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4))
messages = st.dictionaries(keys, values, max_size=5).map(lambda rest: {"type": "chat.line", **rest})


@given(messages)
def test_a_good_message_comes_back_equal_and_shares_no_container(message: dict[str, Any]) -> None:
    copy = normalise(message)

    assert copy == message
    assert not containers(copy) & containers(message)


def containers(value: Any) -> set[int]:
    if isinstance(value, dict):
        return {id(value)}.union(*(containers(item) for item in value.values()))
    if isinstance(value, list):
        return {id(value)}.union(*(containers(item) for item in value))
    return set()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((1, (2,)), [1, [2]]),
        (Point(1, 2), [1, 2]),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (Ratio(0.5), 0.5),
        (Text("é"), "é"),
        (Blob(b"a"), b"a"),
        (Backwards([1, 2]), [1, 2]),
        (OrderedDict(a=1), {"a": 1}),
        (defaultdict(list, a=(1,)), {"a": [1]}),
        ({Text("a"): 1}, {"a": 1}),
        ([Blob(b"a"), {"a": Level.HIGH}], [b"a", {"a": 3}]),
        (True, True),
    ],
)
def test_tuples_and_subclasses_arrive_as_the_base_type(value: Any, expected: Any) -> None:
    copy = normalise({"type": "chat.line", "value": value})["value"]

    assert copy == expected
    assert shape(copy) == shape(expected)


def shape(value: Any) -> Any:
    if type(value) is list:
        return [shape(item) for item in value]
    if type(value) is dict:
        return [(shape(key), shape(item)) for key, item in value.items()]
    return type(value)


def test_a_message_of_a_dict_subclass_with_keys_of_a_str_subclass_arrives_in_base_types() -> None:
    copy = normalise(OrderedDict({Text("type"): Text("chat.line"), Text("text"): Colour.RED}))

    assert shape(copy) == [(str, str), (str, str)]
    assert copy == {"type": "chat.line", "text": "red"}


@pytest.mark.parametrize("value", [bytearray(b"a"), memoryview(b"a")])
def test_bytes_that_can_change_are_refused(value: Any) -> None:
    assert refused({"type": "a.b", "x": value}).requirement == "MSG-010"
    assert refused({"type": "a.b", "x": [value]}).requirement == "MSG-010"


@pytest.mark.parametrize("value", [object(), {1}, 1j, UserDict(), type, iter([])])
def test_a_value_of_another_type_is_refused(value: Any) -> None:
    error = refused({"type": "a.b", "x": {"y": [value]}})

    assert (error.field, error.requirement) == ("x.y[0]", "MSG-003")


def test_an_object_that_only_says_that_it_is_text_is_refused() -> None:
    assert isinstance(Liar(), str)
    assert refused({"type": "a.b", "x": Liar()}).requirement == "MSG-003"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_float_that_is_not_finite_is_refused(value: float) -> None:
    assert refused({"type": "a.b", "x": value}).requirement == "MSG-005"


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, [2**63], {"a": 2**100}])
def test_an_integer_beyond_64_bits_is_refused(value: Any) -> None:
    assert refused({"type": "a.b", "x": value}).requirement == "MSG-004"


@pytest.mark.parametrize("message", [{1: 2}, {None: 2}, {b"a": 2}, {"x": {1: 2}}, {"x": [{(): 2}]}])
def test_a_key_that_is_no_text_is_refused(message: dict[Any, Any]) -> None:
    assert refused({"type": "a.b", **message}).requirement == "MSG-007"


@pytest.mark.parametrize("message", [None, [], "a.b", UserDict({"type": "a.b"}), {("type", "a.b")}])
def test_what_is_no_dict_is_no_message(message: Any) -> None:
    assert refused(message).requirement == "MSG-001"


def test_a_container_that_holds_itself_is_refused_as_too_deep() -> None:
    loop: list[Any] = []
    loop += [loop, loop]

    assert refused({"type": "a.b", "x": loop}).requirement == "MSG-008"


def test_a_value_whose_repr_fails_is_still_refused_by_name() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError

    assert refused({"type": "a.b", "x": Broken()}).field == "x"


def test_what_is_remembered_of_names_is_bounded_and_names_beyond_it_are_still_checked() -> None:
    from seaway.spec import values

    for number in range(3000):
        normalise({"type": f"chat.line{number}", f"key{number}": 1, "long" * 100 + str(number): 1})

    remembered = [len(one) for one in vars(values).values() if isinstance(one, set)]
    assert remembered
    assert max(remembered) <= 1024

    assert normalise({"type": "chat.new", "new": 1}) == {"type": "chat.new", "new": 1}
    assert refused({"type": "chat.New"}).requirement == "MSG-002"
    assert refused({"type": "chat.line", "$new": 1}).requirement == "MSG-009"


def test_the_error_names_field_expectation_and_requirement_and_survives_a_copy() -> None:
    import copy
    import pickle

    error = refused({"type": "a.b", "x": {"y": (1, 2.5, math.nan)}})

    assert str(error) == "x.y[2]: expected a finite number, got nan (MSG-005)"
    for clone in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert (str(clone), clone.field, clone.expected) == (str(error), error.field, error.expected)


def test_the_error_about_a_key_can_be_printed_and_is_short() -> None:
    for key in ("\ud800", "$" + "x" * 10_000):
        text = str(refused({"type": "a.b", "x": [{key: 1}]}))
        assert text.encode()
        assert len(text) < 300


def test_the_error_about_a_huge_value_is_short() -> None:
    assert len(str(refused({"type": "a.b", "x": {"y" * 5: object, "z": bytearray(10**6)}}))) < 300

"""The JSON form: lossless in both directions, and strict about what it reads."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seaway.spec import InvalidMessage, from_json, to_json
from seaway.spec.json_form import dumps, loads
from seaway.spec.schemas import vectors

VECTORS = vectors("values")
texts = st.text(st.characters(exclude_categories=["Cs"]))
keys = texts.filter(lambda key: not key.startswith("$") and key != "type")
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
    | st.binary()
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3))
messages = st.dictionaries(keys, values, max_size=5).map(lambda rest: {"type": "chat.line", **rest})


@given(messages)
def test_a_message_comes_back_from_its_line_with_every_type(message: dict[str, Any]) -> None:
    line = dumps(message)

    assert "\n" not in line
    assert repr(loads(line)) == repr(message)


@given(messages)
def test_a_message_comes_back_from_its_object(message: dict[str, Any]) -> None:
    assert repr(from_json(json.loads(json.dumps(to_json(message))))) == repr(message)


def test_bytes_have_the_form_that_the_specification_shows() -> None:
    assert to_json({"type": "a.b", "x": (b"\x00\xff", {"y": b""})}) == {
        "type": "a.b",
        "x": [{"$bytes": "AP8="}, {"y": {"$bytes": ""}}],
    }


@pytest.mark.parametrize("case", VECTORS["valid"], ids=lambda case: case["description"])
def test_a_valid_line_is_read(case: dict[str, Any]) -> None:
    assert loads(case["text"]) == loads(dumps(loads(case["text"])))


@pytest.mark.parametrize("case", VECTORS["same"], ids=lambda case: case["description"])
def test_what_is_read_is_written_the_same(case: dict[str, Any]) -> None:
    assert repr(json.loads(dumps(loads(case["text"])))) == repr(json.loads(case["text"]))


@pytest.mark.parametrize("case", VECTORS["invalid"], ids=lambda case: case["description"])
def test_an_invalid_line_is_refused_for_its_reason(case: dict[str, Any]) -> None:
    with pytest.raises(InvalidMessage) as caught:
        loads(case["text"])

    assert caught.value.requirement == case["requirement"]


@pytest.mark.parametrize("line", ["{", '{"type": "a.b"} x', "{'type': 'a.b'}"])
def test_what_is_not_json_is_refused(line: str) -> None:
    with pytest.raises(InvalidMessage, match="MSG-032"):
        loads(line)


def test_depth_and_digits_beyond_all_bounds_are_refused_and_not_a_crash() -> None:
    with pytest.raises(InvalidMessage, match="MSG-008"):
        loads('{"type": "a.b", "x": ' + "[" * 200_000 + "]" * 200_000 + "}")
    with pytest.raises(InvalidMessage, match="MSG-004"):
        loads('{"type": "a.b", "x": ' + "9" * 10_000 + "}")


def test_an_object_that_is_too_deep_is_refused_and_not_a_crash() -> None:
    deep: list[Any] = []
    for _ in range(50_000):
        deep = [deep]

    with pytest.raises(InvalidMessage, match="MSG-008"):
        from_json({"type": "a.b", "x": deep})


def test_what_is_not_an_object_is_no_message() -> None:
    with pytest.raises(InvalidMessage, match="MSG-001"):
        from_json(["a.b"])  # type: ignore[arg-type]

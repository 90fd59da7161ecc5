"""Checks and schemas say the same of every vector, and of what comes from a valid message by small changes."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seaway.spec import InvalidMessage, from_json, to_json, validate
from seaway.spec.checks import FROM_CONSUMER, LAYER, TO_CONSUMER
from seaway.spec.schemas import index, schema, vectors

Validator = Callable[[Any], bool]
NAMES = [entry["schema"].removesuffix(".json") for entry in index()]
ENTRIES = dict(zip(NAMES, index(), strict=True))


TABLES = {"from-consumer": FROM_CONSUMER, "to-consumer": TO_CONSUMER, "layer": LAYER}


def check(name: str, message: dict[str, Any]) -> InvalidMessage | None:
    try:
        TABLES[ENTRIES[name]["direction"][0]][ENTRIES[name]["type"]](message)
    except InvalidMessage as error:
        return error
    return None


def bundled(name: str) -> dict[str, Any]:
    return schema(ENTRIES[name]["type"], ENTRIES[name]["direction"][0])


CASES = [
    pytest.param(name, case.get("valid", kind == "valid"), case, id=f"{name}: {case['description']}")
    for name in NAMES
    for kind in ("valid", "invalid", "boundary")
    for case in vectors(name)[kind]
]


@pytest.mark.parametrize(("name", "valid", "case"), CASES)
def test_a_vector_is_on_its_side(
    name: str,
    valid: bool,
    case: dict[str, Any],
    with_jsonschema: Callable[..., Validator],
    with_jsonschema_rs: Callable[..., Validator],
) -> None:
    error = check(name, from_json(case["message"]))

    assert (error is None) == valid, error
    assert with_jsonschema(bundled(name))(case["message"]) == valid
    assert with_jsonschema_rs(bundled(name))(case["message"]) == valid
    if error is not None:
        assert (error.field, error.requirement) == (case["field"], case["requirement"])


@pytest.mark.parametrize("name", NAMES)
def test_a_vector_on_the_wrong_side_is_found(
    name: str, with_jsonschema: Callable[..., Validator], with_jsonschema_rs: Callable[..., Validator]
) -> None:
    good, bad = vectors(name)["valid"][0], {**vectors(name)["valid"][0], "message": {"type": 5}}

    for valid, case in ((False, good), (True, bad)):
        with pytest.raises((AssertionError, InvalidMessage)):
            test_a_vector_is_on_its_side(name, valid, case, with_jsonschema, with_jsonschema_rs)


@pytest.mark.parametrize("name", NAMES)
def test_every_vector_says_something_of_its_own(name: str) -> None:
    cases = [case for kind in ("valid", "invalid", "boundary") for case in vectors(name)[kind]]

    assert vectors(name)["valid"]
    assert len({case["description"] for case in cases}) == len(cases)
    assert all(cases.count(case) == 1 for case in cases)


@pytest.mark.parametrize("name", NAMES)
def test_every_key_of_a_schema_has_an_invalid_vector(name: str) -> None:
    fields = {case["field"] for case in vectors(name)["invalid"]}
    heads = {field.split(".")[0].split("[")[0] for field in fields}

    assert heads >= set(bundled(name)["properties"]) - {"type"}


REPLACEMENTS = [
    *(None, True, False, 0, 1, -1, 100, 101, 102, 199, 200, 599, 600, 1000, 1004, 1005, 1015, 3000, 4999, 5000),
    *(65535, 65536, 2**63 - 1, 0.0, 2.0, 200.0, 1000.0, -0.5, 1e300, "", "a", "GET", "A b", "a\n", "é" * 62, "x" * 123),
    *(b"", b"a", b"A", b"a\n", b" a", b"\xff", b"transfer-encoding", b"connection", b"content-length", b"close"),
    *([], [[]], [b"a", b"b"], [[b"a", b"b"]], [[b"a", b"b", b"c"]], [["a", b"b"]], [[b"content-length", b"5"]] * 2),
    *([[b"sec-websocket-key", b""]], ["h", 80], ["h", None], [None, None], [b"h", 80], {}, {"interface": "1.0"}),
    *({"interface": "1.0", "x": 1}, {"interface": "1.0", "x": {}}, {"version": "TLSv1.3"}, "shutdown", "lost", "1.1"),
]
PLACES = {name: [from_json(case["message"]) for case in vectors(name)["valid"]] for name in NAMES}


@st.composite
def changed(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A valid message in which a few values, at any depth, were replaced, removed or added."""
    name = draw(st.sampled_from(NAMES))
    message = deepcopy(draw(st.sampled_from(PLACES[name])))
    keys = [key for key in bundled(name)["properties"] if key != "type"] + ["unknown"]
    for _ in range(draw(st.integers(1, 3))):
        place: Any = message
        key: Any = draw(st.sampled_from(keys))
        while draw(st.booleans()):
            inner = place.get(key) if isinstance(place, dict) else place[key]
            if not inner or not isinstance(inner, (list, dict)):
                break
            place, key = inner, draw(st.sampled_from(range(len(inner)) if isinstance(inner, list) else sorted(inner)))
        if draw(st.integers(0, 9)) == 0 and isinstance(place, dict):
            place.pop(key, None)
        else:
            place[key] = deepcopy(draw(st.sampled_from(REPLACEMENTS)))
    return name, message


@pytest.fixture(scope="module")
def validators(with_jsonschema: Callable[..., Validator]) -> dict[str, Validator]:
    return {name: with_jsonschema(bundled(name)) for name in NAMES}


@given(example=changed())
def test_checks_and_schemas_agree_on_changed_messages(
    validators: dict[str, Validator], example: tuple[str, dict[str, Any]]
) -> None:
    name, message = example

    assert (check(name, message) is None) == validators[name](to_json(message))


@pytest.mark.parametrize("name", NAMES)
def test_a_check_takes_tuples_and_subclasses(name: str) -> None:
    class Text(str):
        __slots__ = ()

    class Blob(bytes):
        pass

    class Whole(int):
        pass

    def wrapped(value: Any) -> Any:
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, list):
            return tuple(wrapped(item) for item in value)
        if isinstance(value, dict):
            return {key: wrapped(item) for key, item in value.items()}
        return {str: Text, bytes: Blob, int: Whole}.get(type(value), type(value))(value)

    for message in PLACES[name]:
        assert check(name, wrapped(message)) is None


@pytest.mark.parametrize("value", [bytearray(b"a"), memoryview(b"a")])
def test_bytes_that_can_change_pass_neither_as_body_nor_as_header(value: Any) -> None:
    good = {"type": "http.response", "status": 200, "headers": [(b"a", b"a"), (b"b", b"b")]}
    assert check("http.response", good) is None

    for wrong in ({"body": value}, {"headers": [(b"a", value)]}, {"headers": [(value, b"a")]}):
        assert check("http.response", {**good, **wrong}) is not None


@pytest.mark.parametrize("grace", [math.nan, math.inf])
def test_a_time_that_is_not_finite_is_refused(grace: float) -> None:
    assert check("server.drain", {"reason": "shutdown", "grace": grace}) is not None
    assert check("server.wake.from", {"after": grace}) is not None


@pytest.mark.parametrize(
    ("name", "message"),
    [("websocket.send", {"text": "\ud800"}), ("websocket.close", {"reason": "\udfff"})],
)
def test_text_that_has_no_utf8_is_refused(name: str, message: dict[str, Any]) -> None:
    error = check(name, message)

    assert error is not None
    assert "surrogate" in str(error)


def test_headers_stay_checked_when_more_were_seen_than_are_remembered() -> None:
    for number in range(3000):
        fields = [(b"etag", b"%d" % number), (b"x-%d" % number, b"1"), (b"content-length", b"%d" % number)]
        assert check("http.response", {"status": 200, "headers": fields}) is None

    assert check("http.response", {"status": 200, "headers": [(b"etag", b"1\n")]}) is not None
    assert check("http.response", {"status": 200, "headers": [(b"content-length", b"1")] * 2}) is not None


@pytest.mark.parametrize("name", ["cookie", "set-cookie", "authorization", "proxy-authorization", "content-length"])
def test_secret_values_are_not_remembered(name: str) -> None:
    from seaway.spec import checks

    pairs = [(name.encode(), b"8723465")]
    check("http.request", {**PLACES["http.request"][0], "headers": pairs})
    check("http.response", {"status": 200, "headers": pairs})

    remembered = [repr(vars(one)) for one in vars(checks).values() if type(one).__name__ == "PairsCheck"]
    assert remembered
    assert not any("8723465" in text for text in remembered)


class TestValidate:
    def test_it_checks_the_values_of_a_message_of_ones_own_type(self) -> None:
        validate({"type": "chat.line", "anything": [1, {"goes": b""}]})
        with pytest.raises(InvalidMessage, match="MSG-005"):
            validate({"type": "chat.line", "x": math.nan})

    def test_it_checks_a_type_of_the_interface_with_its_schema(self) -> None:
        validate({"type": "http.response", "status": 200})
        with pytest.raises(InvalidMessage) as caught:
            validate({"type": "http.response", "status": 99})

        assert str(caught.value) == "status: expected an integer from 200 to 599, got 99 (HTTP-021)"

    def test_a_type_that_goes_both_ways_is_good_either_way(self) -> None:
        validate({"type": "server.wake"})
        validate({"type": "server.wake", "after": 1})

    def test_a_direction_chooses_the_schema(self) -> None:
        validate({"type": "server.wake"}, "to-consumer")
        with pytest.raises(InvalidMessage, match="SRV-018"):
            validate({"type": "server.wake"}, "from-consumer")

    @pytest.mark.parametrize(
        ("type_", "direction", "requirement"),
        [
            ("http.request", "from-consumer", "MSG-027"),
            ("http.later", "from-consumer", "MSG-027"),
            ("http.response", "to-consumer", "MSG-026"),
        ],
    )
    def test_a_type_that_does_not_go_that_way_is_refused(self, type_: str, direction: Any, requirement: str) -> None:
        with pytest.raises(InvalidMessage, match=requirement):
            validate({"type": type_}, direction)

    def test_a_reserved_type_that_nobody_knows_is_left_to_later_versions(self) -> None:
        validate({"type": "server.later"})

"""A recorded exchange is checked line by line; each broken requirement is told once, by its identifier."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest

from seaway.spec import to_json
from seaway.spec.exchange import Exchange, Violation, check_exchange
from seaway.spec.schemas import vectors
from seaway.spec.states import protocols, table

FIRST = {
    name: vectors(name)["valid"][0]["message"] for name in ("http.request", "websocket.connect", "lifespan.startup")
}


def given(type_: str, **rest: Any) -> dict[str, Any]:
    """A line: the consumer was given this message."""
    message = FIRST.get(type_) if type_ in FIRST else to_json({"type": type_, **rest})
    return {"direction": "to-consumer", "message": {**(message or {}), **rest}}


def sent(type_: str, **rest: Any) -> dict[str, Any]:
    """A line: the consumer's `send` accepted this message."""
    return {"direction": "from-consumer", "message": to_json({"type": type_, **rest})}


def requirements(*lines: dict[str, Any], protocol: str | None = None) -> list[tuple[int, str]]:
    return [(one.line, one.requirement) for one in check_exchange(lines, protocol)]


RESPONSE = sent("http.response", status=200)
CUT = given("http.disconnect", complete=False)
LAST = sent("http.response.body")
GONE = given("websocket.disconnect", code=1001)
VECTORS = vectors("exchanges")
GOOD = [pytest.param(case["lines"], id=case["description"]) for case in VECTORS["valid"]]
BAD = [
    pytest.param(case["lines"], case["line"], case["requirement"], id=case["description"])
    for case in VECTORS["invalid"]
]


@pytest.mark.parametrize("lines", GOOD)
def test_a_good_exchange_has_no_violation(lines: list[dict[str, Any]]) -> None:
    assert check_exchange(lines) == []


@pytest.mark.parametrize("lines", GOOD)
def test_it_reads_lines_of_text_too(lines: list[dict[str, Any]]) -> None:
    assert check_exchange([*(json.dumps(line) + "\n" for line in lines), "\n"]) == []


@pytest.mark.parametrize(("lines", "line", "requirement"), BAD)
def test_a_bad_exchange_has_its_violation_and_no_other(
    lines: list[dict[str, Any]], line: int, requirement: str
) -> None:
    assert requirements(*lines) == [(line, requirement)]


@pytest.mark.parametrize("kind", ["valid", "invalid"])
def test_every_exchange_says_something_of_its_own(kind: str) -> None:
    cases = VECTORS[kind]

    assert len(cases) > 10
    assert len({case["description"] for case in cases}) == len(cases)
    assert all([case["lines"] for case in cases].count(case["lines"]) == 1 for case in cases)


def test_every_refusal_of_a_table_has_an_exchange_that_meets_it() -> None:
    met = {case["requirement"] for case in VECTORS["invalid"]}
    regions = [region for protocol in protocols() for region in table(protocol).regions]

    assert {one.requirement for region in regions for one in region.refusals} - met == set()


def test_a_violation_reads_as_one_line() -> None:
    (violation,) = check_exchange([given("websocket.connect"), sent("websocket.close"), GONE])

    assert str(violation) == (
        "line 2: websocket.close from consumer is not allowed now (websocket connecting) (WS-018)"
    )


def test_every_violation_is_found_not_only_the_first() -> None:
    found = requirements(given("http.request"), LAST, sent("http.response", status=99), given("server.wake"))

    assert found == [(2, "HTTP-026"), (3, "HTTP-021"), (4, "SRV-020"), (4, "CON-046")]


def test_it_can_be_fed_while_it_happens() -> None:
    exchange = Exchange("websocket")

    assert exchange.message("to-consumer", {**FIRST["websocket.connect"], "raw_path": b"/", "headers": []}) == []
    assert exchange.states == {"websocket": "connecting"}
    assert exchange.message("from-consumer", {"type": "websocket.send", "text": "a"}) == []
    assert exchange.raised() == []
    assert exchange.message("to-consumer", {"type": "chat.line"}) == [
        Violation(4, "CON-052", "chat.line to consumer is not allowed now (websocket open)")
    ]
    assert [one.requirement for one in exchange.end()] == ["CON-046"]


def test_a_fork_goes_its_own_way() -> None:
    exchange = Exchange("websocket")
    exchange.message("to-consumer", {**FIRST["websocket.connect"], "raw_path": b"/", "headers": []})
    drain = {"type": "server.drain", "reason": "shutdown", "grace": 1}
    fork = exchange.fork()
    assert fork.message("from-consumer", {"type": "websocket.accept"}) == fork.message("to-consumer", drain) == []

    assert (exchange.states, fork.states) == ({"websocket": "connecting"}, {"websocket": "open"})
    assert exchange.message("to-consumer", drain) == []
    assert [one.requirement for one in fork.message("to-consumer", drain)] == ["SRV-003"]


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["{"], "line 1: not JSON"),
        (["[]"], "line 1: expected"),
        ([given("http.request"), {"direction": "up", "message": {}}], "line 2: expected"),
        ([given("http.request"), {"event": "stopped"}], "line 2: expected"),
        ([{"direction": "to-consumer"}], "line 1: expected"),
        ([given("chat.line")], "line 1: the first message does not tell the protocol"),
        ([RESPONSE], "line 1: the first message does not tell the protocol"),
    ],
)
def test_what_is_no_recording_raises_and_names_the_line(lines: list[Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        check_exchange(lines)


@pytest.mark.parametrize(
    ("text", "requirement"),
    [
        ('{"direction": "to-consumer", "message": {"type": "chat.line", "type": "chat.line"}}', "MSG-031"),
        ('{"direction": "to-consumer", "message": {"type": "chat.line", "x": NaN}}', "MSG-005"),
        ('{"direction": "to-consumer", "message": {"type": "chat.line", "x": ' + "[" * 40 + "]" * 40 + "}}", "MSG-008"),
    ],
)
def test_a_line_is_read_as_strictly_as_a_message(text: str, requirement: str) -> None:
    lines = [given("http.request"), text, CUT]

    assert [(one.line, one.requirement) for one in check_exchange(lines)] == [(2, requirement)]


def test_nothing_is_no_violation() -> None:
    assert check_exchange([]) == []
    assert check_exchange([{"protocol": "http"}]) == []


def test_the_recording_in_the_description_of_the_data_is_good() -> None:
    text = (files("seaway.spec") / "README.md").read_text(encoding="utf-8")
    recording = text.partition("## A recorded exchange")[2].partition("```json\n")[2].partition("```")[0]

    assert len(recording.splitlines()) == 5
    assert check_exchange(recording.splitlines()) == []

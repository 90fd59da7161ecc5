"""A recorded exchange is checked line by line; each broken requirement is told once, by its identifier."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest

from seaway.spec import to_json
from seaway.spec.exchange import Exchange, Violation, check_exchange
from seaway.spec.schemas import vectors

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
DONE = given("http.disconnect", complete=True)
CUT = given("http.disconnect", complete=False)
PART = sent("http.response.body", more_body=True)
LAST = sent("http.response.body")
GONE = given("websocket.disconnect", code=1001)
RAISED = {"event": "raised"}
RETURNED = {"event": "returned"}

GOOD = {
    "a request and its response": [given("http.request"), RESPONSE, DONE],
    "an upload with trailers": [
        given("http.request", more_body=True),
        given("http.request.body", more_body=True),
        given("http.request.body"),
        given("http.request.trailers", headers=[]),
        RESPONSE,
        DONE,
    ],
    "early hints, parts and trailers": [
        given("http.request"),
        sent("http.response.informational", status=103),
        sent("http.response", status=200, more_body=True, trailers=True),
        PART,
        LAST,
        sent("http.response.trailers"),
        DONE,
    ],
    "trailers after a body in one message": [
        given("http.request"),
        sent("http.response", status=200, trailers=True),
        sent("http.response.trailers"),
        DONE,
    ],
    "a file as the last part": [
        given("http.request"),
        sent("http.response", status=200, more_body=True),
        sent("http.response.file", path="/srv/a"),
        DONE,
    ],
    "a response before the body has come": [
        given("http.request", more_body=True),
        RESPONSE,
        given("http.request.body"),
        DONE,
    ],
    "long polling": [
        given("http.request"),
        sent("server.wake", after=25),
        given("news.item", text="x"),
        given("layer.gap", reason="overflow", dropped=3),
        given("server.drain", reason="shutdown", grace=10),
        given("server.wake"),
        RESPONSE,
        DONE,
    ],
    "a client that goes before the answer": [given("http.request"), CUT],
    "a response that could not be delivered": [given("http.request"), RESPONSE, CUT],
    "a consumer that raises": [given("http.request"), RAISED, CUT],
    "a consumer that returns": [given("http.request"), RETURNED, RESPONSE, DONE, RETURNED],
    "a WebSocket": [
        given("websocket.connect"),
        sent("websocket.accept"),
        given("websocket.receive", text="a"),
        sent("websocket.send", text="b"),
        sent("websocket.close"),
        given("websocket.receive", text="filed before"),
        GONE,
    ],
    "a send that accepts": [given("websocket.connect"), sent("websocket.send", text="b"), GONE],
    "a rejected WebSocket": [
        given("websocket.connect"),
        sent("websocket.reject"),
        given("websocket.disconnect", code=1006),
    ],
    "a lifespan": [
        given("lifespan.startup"),
        RETURNED,
        sent("server.wake", after=1),
        given("server.wake"),
        given("settings.changed"),
        given("lifespan.shutdown"),
    ],
    "a lifespan that fails": [given("lifespan.startup"), RAISED, given("lifespan.shutdown")],
    "a lifespan without the ends of its calls": [
        given("lifespan.startup"),
        given("settings.changed"),
        given("lifespan.shutdown"),
    ],
    "tasks": [
        {"protocol": "task"},
        given("image.uploaded"),
        sent("image.ready"),
        RETURNED,
        given("image.uploaded"),
        given("task.stop"),
    ],
    "a stream that the client resets": [
        {"protocol": "http2"},
        given("http.request"),
        given("http2.reset", error_code=8),
        CUT,
    ],
    "a stream that the consumer resets": [
        {"protocol": "http2"},
        given("http.request"),
        sent("http2.reset", error_code=8),
        CUT,
    ],
    "a protocol of a third party": [{"protocol": "mqtt"}, given("mqtt.connect"), sent("mqtt.ack"), given("chat.line")],
}

BAD = {
    "a send before the first message": (
        [{"protocol": "http"}, RESPONSE, given("http.request"), CUT, RETURNED],
        2,
        "CON-029",
    ),
    "another first message": ([{"protocol": "http"}, given("chat.line"), given("http.request"), CUT], 2, "CON-028"),
    "a first message twice": ([given("http.request"), given("http.request"), CUT], 2, "CON-002"),
    "a body after its end": ([given("http.request"), given("http.request.body"), CUT], 2, "HTTP-002"),
    "trailers before the end of the body": (
        [given("http.request", more_body=True), given("http.request.trailers", headers=[]), CUT],
        2,
        "HTTP-010",
    ),
    "trailers twice": (
        [given("http.request"), *[given("http.request.trailers", headers=[])] * 2, CUT],
        3,
        "HTTP-010",
    ),
    "a response twice": ([given("http.request"), RESPONSE, RESPONSE, DONE], 3, "HTTP-026"),
    "a body before the response": ([given("http.request"), LAST, CUT], 2, "HTTP-026"),
    "a body after its end, from the consumer": ([given("http.request"), RESPONSE, LAST, DONE], 3, "HTTP-026"),
    "trailers that were not announced": (
        [given("http.request"), RESPONSE, sent("http.response.trailers"), DONE],
        3,
        "HTTP-026",
    ),
    "early hints after the response": (
        [given("http.request"), RESPONSE, sent("http.response.informational", status=103), DONE],
        3,
        "HTTP-026",
    ),
    "a second response when all is over": ([given("http.request"), RESPONSE, DONE, RESPONSE], 4, "HTTP-026"),
    "a response to a client that has gone": ([given("http.request"), CUT, RESPONSE], 3, "HTTP-027"),
    "complete without a response": ([given("http.request"), DONE, CUT], 2, "HTTP-012"),
    "a message after the terminal one": ([given("http.request"), RESPONSE, DONE, given("chat.line")], 4, "CON-047"),
    "a terminal message twice": ([given("http.request"), RESPONSE, DONE, DONE], 4, "CON-047"),
    "no terminal message": ([given("http.request"), RESPONSE], 2, "CON-046"),
    "a message between an exception and the terminal one": (
        [given("http.request"), RAISED, given("chat.line"), CUT],
        3,
        "CON-052",
    ),
    "a message after an exception and the terminal one": (
        [given("http.request"), RAISED, CUT, given("chat.line")],
        4,
        "CON-047",
    ),
    "a message of another protocol, from the consumer": (
        [given("http.request"), sent("websocket.send", text="a"), CUT],
        2,
        "MSG-027",
    ),
    "a message of another protocol, to the consumer": (
        [given("http.request"), given("websocket.receive", text="a"), CUT],
        2,
        "MSG-026",
    ),
    "a message of the application's own, to the client": (
        [given("http.request"), sent("chat.line"), CUT],
        2,
        "MSG-027",
    ),
    "a message that only the server sends": ([given("http.request"), sent("http.request.body"), CUT], 2, "MSG-027"),
    "a wake-up that nobody asked for": ([given("http.request"), given("server.wake"), CUT], 2, "SRV-020"),
    "a wake-up twice": (
        [given("http.request"), sent("server.wake", after=1), given("server.wake"), given("server.wake"), CUT],
        4,
        "SRV-020",
    ),
    "a wake-up that was cancelled": (
        [
            given("http.request"),
            sent("server.wake", after=1),
            sent("server.wake", after=None),
            given("server.wake"),
            CUT,
        ],
        4,
        "SRV-020",
    ),
    "a wake-up asked for when all is over": (
        [given("http.request"), RESPONSE, DONE, sent("server.wake", after=1)],
        4,
        "SRV-025",
    ),
    "a drain twice for the same reason": (
        [given("http.request"), *[given("server.drain", reason="shutdown", grace=1)] * 2, CUT],
        3,
        "SRV-003",
    ),
    "an invalid message": ([given("http.request"), sent("http.response", status=99), CUT], 2, "HTTP-021"),
    "a message that is none": (
        [given("http.request"), {"direction": "to-consumer", "message": {"x": 1}}, CUT],
        2,
        "MSG-001",
    ),
    "a message that is not in the JSON form": (
        [given("http.request"), {"direction": "to-consumer", "message": {"type": "a.b", "x": {"$bytes": 1}}}, CUT],
        2,
        "MSG-029",
    ),
    "a message to an HTTP consumer from a stream": (
        [given("http.request"), given("http2.reset", error_code=8), CUT],
        2,
        "H2-005",
    ),
    "a reset by an HTTP consumer": ([given("http.request"), sent("http2.reset", error_code=8), CUT], 2, "H2-007"),
    "a receive before accept": (
        [given("websocket.connect"), given("websocket.receive", text="a"), GONE],
        2,
        "WS-005",
    ),
    "a close before accept": ([given("websocket.connect"), sent("websocket.close"), GONE], 2, "WS-018"),
    "a reject after accept": (
        [given("websocket.connect"), sent("websocket.accept"), sent("websocket.reject"), GONE],
        3,
        "WS-015",
    ),
    "a send after close": (
        [
            given("websocket.connect"),
            sent("websocket.accept"),
            sent("websocket.close"),
            sent("websocket.send", text="a"),
            GONE,
        ],
        4,
        "WS-015",
    ),
    "a send to a client that has gone": (
        [given("websocket.connect"), sent("websocket.accept"), GONE, sent("websocket.send", text="a")],
        4,
        "WS-016",
    ),
    "a send from a lifespan": (
        [given("lifespan.startup"), sent("http.response", status=200), given("lifespan.shutdown")],
        2,
        "MSG-027",
    ),
    "a message to a lifespan that failed": (
        [given("lifespan.startup"), RAISED, given("chat.line"), given("lifespan.shutdown")],
        3,
        "CON-052",
    ),
    "an answer when no task is worked on": (
        [{"protocol": "task"}, given("image.uploaded"), RETURNED, sent("image.ready"), given("task.stop")],
        4,
        "TASK-016",
    ),
}


@pytest.mark.parametrize("lines", GOOD.values(), ids=GOOD)
def test_a_good_exchange_has_no_violation(lines: list[dict[str, Any]]) -> None:
    assert check_exchange(lines) == []


@pytest.mark.parametrize("lines", GOOD.values(), ids=GOOD)
def test_it_reads_lines_of_text_too(lines: list[dict[str, Any]]) -> None:
    assert check_exchange([*(json.dumps(line) + "\n" for line in lines), "\n"]) == []


@pytest.mark.parametrize(("lines", "line", "requirement"), BAD.values(), ids=BAD)
def test_a_bad_exchange_has_its_violation_and_no_other(
    lines: list[dict[str, Any]], line: int, requirement: str
) -> None:
    assert requirements(*lines) == [(line, requirement)]


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

"""Client, consumer, transport and clock in any order: one response a request, one end each, nothing behind it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.conformance.client.websocket import CLOSE, handshake
from seaway.spec.exchange import Exchange, Violation

from .fakes import Site, any_speed, silent
from .replies import replies
from .steps import ANSWERS, BYTES, CLOCK, FRAMES, GET, SENDS, SERVER, SOCKET, Step, act, send

HTTP = st.one_of(
    st.sampled_from([("feed", data) for data in BYTES]),
    st.sampled_from([("emit", answer) for answer in ANSWERS]),
    st.sampled_from([("returned", 0), ("returned", 1)]),
    st.sampled_from([*SOCKET, *CLOCK, *SERVER]),
)


def violations(site: Site) -> list[Violation]:
    """What the specification's own tables say about the exchanges."""
    found = []
    for runner in site.runners:
        exchange = Exchange(runner.exchange.type)
        for direction, message in runner.record:
            found += exchange.message(direction, message)
        found += exchange.end()
    return found


def finish(site: Site) -> None:
    """The connection is lost: whatever has happened, every consumer has had one end."""
    site.lose()
    site.run()
    assert [len(runner.ended) for runner in site.runners] == [1] * len(site.runners)
    assert site.host.connections == set()
    assert violations(site) == []


@settings(any_speed, max_examples=300)
@given(st.lists(HTTP, max_size=25))
def test_http_in_any_order(steps: list[Step]) -> None:
    site = Site(silent)
    site.host.returns = False
    for step in steps:
        if site.connection.lost:
            break
        act(site, step)
        assert len(site.connection._buffer) <= 65_536 + 40_000, "what waits is bounded"
    methods = [runner.first["method"] for runner in site.runners]
    finish(site)
    found = [reply for reply in replies(site.written, *methods) if reply.status >= 200]

    assert len(found) <= len(site.runners) + 1
    assert all(reply.whole for reply in found[:-1])
    complete = [runner.ended[0]["complete"] for runner in site.runners]
    whole = [reply.status < 400 and reply.whole for reply in found[: len(complete)]]
    # What the consumer was told agrees with what a client would see.
    assert all(seen for told, seen in zip(complete, whole, strict=False) if told)
    assert len(found) >= sum(complete)
    for runner in site.runners:
        bodies = [message.get("more_body") for message in runner.messages]
        assert False not in bodies[:-1] or runner.messages[-1]["type"] == "http.request.trailers"


WEBSOCKET = st.one_of(
    st.sampled_from([("feed", data) for data in FRAMES]),
    st.sampled_from([("emit", message) for message in SENDS]),
    st.sampled_from([("full", None), ("resume", None)]),
    st.sampled_from([*SOCKET, *CLOCK, *SERVER]),
)


def opcodes(data: bytes) -> list[int]:
    found = []
    while data:
        assert data[0] & 0xF0 == 0x80
        found.append(data[0] & 0x0F)
        assert data[1] < 126, "nothing larger is sent here"
        data = data[2 + data[1] :]
    return found


@settings(any_speed, max_examples=300)
@given(st.lists(WEBSOCKET, max_size=25), st.booleans())
def test_a_websocket_in_any_order(steps: list[Step], accepted: bool) -> None:
    site = Site(silent)
    site.feed(handshake("/"))
    if accepted:
        send(site.runner, {"type": "websocket.accept"})
    for step in steps:
        if site.websocket.lost:
            break
        act(site, step)
    finish(site)
    found = replies(site.written)
    (end,) = site.runner.ended

    assert len(found) <= 1
    if not found or found[0].status != 101:
        assert [message["type"] for message in site.runner.messages] == ["websocket.connect"]
        assert end["code"] == 1006
        return
    frames = opcodes(found[0].body)
    assert CLOSE not in frames[:-1], "nothing follows a close"
    assert (CLOSE in frames) is (end["code"] != 1006)


def test_the_steps_reach_what_they_are_meant_for() -> None:
    """An upload that is answered, drained and followed by another request: the steps can say that."""
    site = Site(silent)
    site.host.returns = False
    for step in (
        ("feed", BYTES[8]),
        ("returned", 0),
        ("feed", BYTES[9]),
        ("emit", ANSWERS[0]),
        ("feed", BYTES[10] + GET),
        ("emit", ANSWERS[1]),
        ("emit", ANSWERS[8]),
    ):
        act(site, step)

    assert [reply.body for reply in replies(site.written)] == [b"ok", b"okok"]

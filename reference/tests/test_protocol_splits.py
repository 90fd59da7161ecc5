"""Where the bytes of a connection are cut has no meaning: whole, byte by byte, cut anywhere, with more behind them."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seaway.conformance.client.websocket import BINARY, CONTINUATION, PING, TEXT, close_frame, frame, handshake
from seaway.conformance.framing import Row, following, rows

from .fakes import Message, Site, any_speed
from .replies import replies

NEXT = following()
CHUNKED = b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
LARGEST_TO_CUT_EVERYWHERE = 300


def consumer(exchange: Any, message: Message) -> None:
    """Answers a request that is whole; echoes WebSocket messages."""
    if message.get("more_body") is False:
        exchange.emit({"type": "http.response", "status": 200, "body": b"ok"})
    elif message["type"] == "websocket.connect":
        exchange.emit({"type": "websocket.accept"})
    elif message["type"] == "websocket.receive":
        exchange.emit({**message, "type": "websocket.send"})


def outcome(pieces: list[bytes]) -> list[Any]:
    """What the client gets, whether it is the end, and what each consumer got."""
    site = Site(consumer)
    for piece in pieces:
        site.feed(piece)
    # Which of two faults is told first depends on what has come: the words of a refusal are free, its status is not.
    answers = [(reply.status, reply.body if reply.status < 400 else b"") for reply in replies(site.written)]
    found: list[Any] = [answers, site.transport.parted]
    for runner in site.runners:
        first = {key: value for key, value in runner.first.items() if key not in ("body", "more_body")}
        # What came before a fault in a body may or may not have been given: only a whole body has one outcome.
        body = runner.body if runner.whole else b""
        others = [message for message in runner.messages[1:] if "body" not in message]
        found.append((first, body, others, runner.ended))
    return found


def cut(data: bytes, places: list[int]) -> list[bytes]:
    return [data[start:end] for start, end in pairwise([0, *sorted(places), len(data)])]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.id)
def test_a_request_of_the_table_has_one_verdict_wherever_it_is_cut(row: Row) -> None:
    """Each with another request behind it."""
    data = row.request + NEXT
    whole = outcome([data])

    assert outcome([row.request, NEXT]) == whole
    assert outcome(cut(data, [*range(7, len(data), 7)])) == whole
    if len(data) <= LARGEST_TO_CUT_EVERYWHERE:
        assert outcome(cut(data, [*range(1, len(data))])) == whole
        assert {place: outcome(cut(data, [place])) for place in range(1, len(data))} == dict.fromkeys(
            range(1, len(data)), whole
        )
    statuses = [status for status, _ in whole[0]]
    served = statuses == [200, 200]
    assert row.served is not None if served else statuses[0] in row.refused


REQUESTS = {
    "one": b"GET /a?b HTTP/1.1\r\nHost: test\r\n\r\n",
    "an empty line before": b"\r\nGET / HTTP/1.1\r\nHost: test\r\n\r\n",
    "empty lines before": b"\r\n\r\nGET / HTTP/1.1\r\nHost: test\r\n\r\n",
    "an empty line between": b"GET / HTTP/1.1\r\nHost: test\r\n\r\n\r\n" + NEXT,
    "empty lines between": b"GET / HTTP/1.1\r\nHost: test\r\n\r\n\r\n\r\n" + NEXT,
    "a body": b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello" + NEXT,
    "chunks": CHUNKED + b"3\r\nhel\r\n02;x=y\r\nlo\r\n0\r\n\r\n" + NEXT,
    "trailers": CHUNKED + b"1\r\nx\r\n0\r\nA: 1\r\nB: 2\r\n\r\n" + NEXT,
    "expect": b"POST / HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello" + NEXT,
    "the old version": b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n",
    "a WebSocket": handshake("/")
    + frame(TEXT, "Ölfaß".encode())
    + frame(PING, b"?")
    + frame(BINARY, b"")
    + frame(TEXT, b"one, ", fin=False)
    + frame(PING, b"!")
    + frame(CONTINUATION, b"two")
    + frame(BINARY, b"x" * 130)
    + close_frame(4000, b"bye"),
    "a WebSocket that goes wrong": handshake("/") + frame(TEXT, b"good") + frame(TEXT, b"\xff") + frame(TEXT, b"late"),
    "a WebSocket without a mask": handshake("/") + frame(TEXT, b"good") + frame(TEXT, b"bad", mask=None),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_cuts_have_no_meaning(name: str) -> None:
    data = REQUESTS[name]
    whole = outcome([data])

    assert outcome(cut(data, [*range(1, len(data))])) == whole
    assert {place: outcome(cut(data, [place])) for place in range(1, len(data))} == dict.fromkeys(
        range(1, len(data)), whole
    )


@any_speed
@given(st.data())
def test_cuts_have_no_meaning_in_a_whole_conversation(data: st.DataObject) -> None:
    parts = [REQUESTS["a body"], REQUESTS["trailers"], REQUESTS["chunks"], REQUESTS["a WebSocket"]]
    stream = b"".join(part.removesuffix(NEXT) for part in parts)
    places = data.draw(st.lists(st.integers(1, len(stream) - 1), unique=True, max_size=40))

    assert outcome(cut(stream, places)) == outcome([stream])

"""What a client gets for the messages that an HTTP consumer sends: framing, trailers, refusals."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from seaway.conformance.client.http import IncompleteError, connect, request

from .scripted import Consumer, Handler, Message, serving, until

pytestmark = pytest.mark.anyio

OK: Message = {"type": "http.response", "status": 200, "body": b"ok"}
BEGIN: Message = {"type": "http.response", "status": 200, "body": b"a", "more_body": True}
MORE: Message = {"type": "http.response.body", "body": b"b", "more_body": True}
LAST: Message = {"type": "http.response.body", "body": b"c"}
TRAILERS: Message = {"type": "http.response.trailers", "headers": [[b"x-sum", b"7"]]}


def sends(*messages: Message) -> Handler:
    """A consumer that answers each request with these messages."""

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            for each in messages:
                yield consumer.send, each

    return handler


def response(status: int = 200, **keys: Any) -> Message:
    return {"type": "http.response", "status": status, **keys}


LENGTH = [[b"content-length", b"2"]]
FRAMINGS = {
    "one-message": ([OK], "GET", b"ok", "length", b"2"),
    "no-body": ([response()], "GET", b"", "length", b"0"),
    "many-messages": ([BEGIN, MORE, LAST], "GET", b"abc", "chunked", None),
    "empty-parts": (
        [BEGIN, {**MORE, "body": b""}, {"type": "http.response.body"}],
        "GET",
        b"a",
        "chunked",
        None,
    ),
    "own-length-one-message": ([{**OK, "headers": LENGTH}], "GET", b"ok", "length", b"2"),
    "own-length-many-messages": ([{**BEGIN, "headers": LENGTH}, LAST], "GET", b"ac", "length", b"2"),
    "head": ([OK], "HEAD", b"", "none", b"2"),
    "head-with-own-length": ([response(headers=LENGTH)], "HEAD", b"", "none", b"2"),
    "204": ([response(204)], "GET", b"", "none", None),
    "204-with-a-body": ([response(204, body=b"ok")], "GET", b"", "none", None),
    "204-with-own-length": ([response(204, headers=LENGTH, body=b"ok")], "GET", b"", "none", None),
    "304-with-a-body-in-parts": ([{**BEGIN, "status": 304}, LAST], "GET", b"", "none", None),
    "205": ([response(205)], "GET", b"", "length", b"0"),
    "599": ([response(599, body=b"ok")], "GET", b"ok", "length", b"2"),
}


async def test_the_server_frames(is_async: bool) -> None:
    """HTTP-040 to HTTP-044; all on one connection, so that each leaves it in step for the next."""

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            for each in FRAMINGS[message["query_string"].decode()][0]:
                yield consumer.send, each

    wrong = {}
    async with serving(handler, is_async=is_async) as site, connect(site.address) as client:
        for name, (messages, method, body, framing, length) in FRAMINGS.items():
            received = await client.ask(f"/?{name}", method=method)
            await until(lambda: site.consumers[-1].over)
            outcome = (received.status, received.body, received.framing, received.field(b"content-length"))
            if outcome != (messages[0]["status"], body, framing, length):
                wrong[name] = outcome
            assert received.field(b"date") is not None

    assert wrong == {}
    assert {consumer.messages[-1]["complete"] for consumer in site.consumers} == {True}


async def test_head_of_a_streamed_response_has_no_body() -> None:
    """HTTP-041: the body's messages are accepted, and nothing of it is written."""
    handler = sends(BEGIN, MORE, LAST)
    async with serving(handler) as site, connect(site.address) as client:
        for _ in range(2):
            assert (await client.ask("/", method="HEAD")).body == b""
        assert (await client.ask("/")).body == b"abc"


@pytest.mark.parametrize(("messages", "body"), [([OK], b"ok"), ([BEGIN, MORE, LAST], b"abc")])
async def test_http_1_0_gets_no_chunks_and_is_closed(messages: list[Message], body: bytes) -> None:
    """HTTP-040, HTTP-057."""
    async with serving(sends(*messages)) as site, connect(site.address) as client:
        await client.send(request(version="1.0") + request("/smuggled"))
        received = await client.response()

        assert received.body == body
        assert received.framing != "chunked"
        assert await client.ended() == b""
    assert len(site.consumers) == 1


async def test_http_1_0_is_kept_only_when_both_sides_can() -> None:
    """HTTP-087."""

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            for each in [OK] if message["path"] == "/length" else [BEGIN, LAST]:
                yield consumer.send, each

    async with serving(handler) as site, connect(site.address) as client:
        for _ in range(2):
            await client.send(request("/length", "Connection: keep-alive", version="1.0"))
            kept = await client.response()
            assert (kept.field(b"connection") or b"").lower() == b"keep-alive"
        await client.send(request("/streamed", "Connection: keep-alive", version="1.0"))
        assert (await client.response()).framing == "close"

    assert len(site.consumers) == 3


async def test_headers_go_out_as_they_are() -> None:
    headers = [[b"x-a", b"1"], (b"set-cookie", b"a=1"), [b"set-cookie", b"b=2\xff"], [b"empty", b""]]
    async with serving(sends({**OK, "headers": tuple(headers)})) as site, connect(site.address) as client:
        received = await client.ask()

    own = [pair for pair in received.fields if pair[0] in (b"x-a", b"set-cookie", b"empty")]
    assert own == [tuple(pair) for pair in headers]


@pytest.mark.parametrize(
    "messages", [[{**OK, "trailers": True}, TRAILERS], [{**BEGIN, "trailers": True}, LAST, TRAILERS]]
)
@pytest.mark.parametrize("wanted", [True, False])
async def test_trailers_go_to_clients_that_want_them(messages: list[Message], wanted: bool, is_async: bool) -> None:
    """HTTP-045, HTTP-046."""
    async with serving(sends(*messages), is_async=is_async) as site, connect(site.address) as client:
        for _ in range(2):
            received = await client.ask("/", *(["TE: trailers"] if wanted else []))
            assert received.body in (b"ok", b"ac")
            assert received.trailers == ([(b"x-sum", b"7")] if wanted else [])

    assert all(consumer.messages[-1]["complete"] for consumer in site.consumers)


@pytest.mark.parametrize("version", ["1.1", "1.0"])
async def test_informational_responses_come_before_the_response(version: str, is_async: bool) -> None:
    """HTTP-024, HTTP-047."""
    hint = {"type": "http.response.informational", "status": 103, "headers": [[b"link", b"</a.css>"]]}
    async with serving(sends(hint, hint, OK), is_async=is_async) as site, connect(site.address) as client:
        await client.send(request(version=version))
        if version == "1.1":
            for _ in range(2):
                early = await client.response()
                assert (early.status, early.field(b"link")) == (103, b"</a.css>")
        assert (await client.response()).body == b"ok"


async def test_the_head_goes_out_before_the_body_is_there(is_async: bool) -> None:
    """HTTP-028: the consumer goes on only when a layer message tells that the client has the head."""

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            yield consumer.send, {"type": "http.response", "status": 200, "more_body": True}
        elif message["type"] == "test.go":
            yield consumer.send, LAST

    async with serving(handler, is_async=is_async) as site, connect(site.address) as client:
        await client.send(request())
        assert await client.line() == b"HTTP/1.1 200 OK"
        while await client.line():
            pass
        await site.layer.send(site.only.channel, {"type": "test.go"})
        assert await client.line() == b"1"


WRONG: dict[str, list[tuple[Any, str]]] = {
    "HTTP-026": [
        (LAST, "a body before the response"),
        (TRAILERS, "trailers before the response"),
        ((BEGIN, OK), "a second response"),
        ((BEGIN, TRAILERS), "trailers that were not announced"),
        ((BEGIN, {"type": "http.response.informational", "status": 103}), "informational too late"),
        (({**OK, "trailers": True}, LAST), "a body after the body"),
    ],
    "HTTP-032": [
        (response(headers=[[b"X-A", b"1"]]), "upper case name"),
        (response(headers=[[b"x a", b"1"]]), "space in a name"),
        (response(headers=[[b"", b"1"]]), "empty name"),
        (response(headers=[[b"x", b"1\r\ny: 2"]]), "CRLF in a value"),
        (response(headers=[[b"x", b"1\x00"]]), "NUL in a value"),
        (response(headers=[[b"x\n", b"1"]]), "LF in a name"),
    ],
    "HTTP-033": [(response(headers=[[b"transfer-encoding", b"chunked"]]), "own coding")],
    "HTTP-034": [(response(headers=[[b"connection", b"keep-alive"]]), "own connection")],
    "HTTP-036": [(response(headers=[[b"keep-alive", b"1"]]), "own keep-alive")],
    "HTTP-037": [
        (response(headers=[[b"content-length", b"1"], [b"content-length", b"1"]]), "two lengths"),
        (response(headers=[[b"content-length", b"+1"]]), "signed length"),
        (response(headers=[[b"content-length", b"\xb2"]]), "length that is no number"),
    ],
    "HTTP-038": [
        (response(body=b"ok!", headers=LENGTH), "more than told, at once"),
        (({**BEGIN, "headers": LENGTH}, {**LAST, "body": b"bc"}), "more than told, later"),
    ],
    "": [
        ({"type": "http.response", "status": 99}, "status 99"),
        ({"type": "http.response", "status": 600}, "status 600"),
        ({"type": "http.response", "status": "200"}, "status as text"),
        ({"type": "http.response"}, "no status"),
        (response(body="text"), "body as text"),
        (response(body=bytearray(b"x")), "bytearray"),
        (response(headers=[[b"x"]]), "half a header"),
        (response(headers=[["x", "y"]]), "header as text"),
        ({"type": "http.response.file", "path": "/etc/hostname"}, "a file, not announced"),
        ({"status": 200}, "no type"),
        ({"type": "websocket.accept"}, "of another protocol"),
        ({"type": "http.disconnect", "complete": True}, "of the other direction"),
        ({"type": "chat.line"}, "not of a protocol"),
        ([], "a list"),
        (None, "nothing"),
    ],
}
WRONG_MESSAGES = [
    (requirement, name, *(message if isinstance(message, tuple) else (message,)))
    for requirement, cases in WRONG.items()
    for message, name in cases
]


async def test_a_wrong_message_is_refused_and_changes_nothing(is_async: bool) -> None:
    """CON-066, CON-067, MSG-012, MSG-027: the last message raises, and the response still completes."""
    errors: dict[str, str] = {}

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] != "http.request":
            return
        _, name, *good, wrong = WRONG_MESSAGES[int(message["query_string"])]
        for each in good:
            yield consumer.send, each
        try:
            yield consumer.send, wrong
        except ValueError as error:
            errors[name] = str(error)
        if good and good[0].get("trailers"):
            yield consumer.send, TRAILERS
        else:
            yield consumer.send, LAST if good else OK

    complaints = {}
    async with serving(handler, is_async=is_async) as site, connect(site.address) as client:
        for number, (requirement, name, *_) in enumerate(WRONG_MESSAGES):
            received = await client.ask(f"/?{number}")
            told = errors.get(name, "nothing was raised")
            if received.body not in (b"ok", b"ac") or not re.search(requirement or "HTTP-|MSG-|CON-", told):
                complaints[name] = (received, told)

    assert complaints == {}
    assert {consumer.messages[-1]["complete"] for consumer in site.consumers} == {True}


async def test_a_body_that_ends_short_of_its_length_is_cut(is_async: bool) -> None:
    """HTTP-039."""
    errors: list[BaseException] = []

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            yield consumer.send, {**BEGIN, "headers": [[b"content-length", b"5"]]}
            try:
                yield consumer.send, LAST
            except ValueError as error:
                errors.append(error)

    async with serving(handler, is_async=is_async) as site, connect(site.address) as client:
        await client.send(request())
        with pytest.raises(IncompleteError):
            await client.response()

    assert "HTTP-039" in str(errors[0])
    assert site.only.messages[-1]["complete"] is False


async def test_the_consumer_may_close_the_connection() -> None:
    """HTTP-035."""
    handler = sends({**OK, "headers": [[b"connection", b"close"]]})
    async with serving(handler) as site, connect(site.address) as client:
        await client.send(request() + request("/smuggled"))
        received = await client.response()

        assert received.closes
        assert await client.ended() == b""
    assert len(site.consumers) == 1

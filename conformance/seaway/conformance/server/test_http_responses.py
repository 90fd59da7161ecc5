"""Responses on the wire: how they are framed, for every client, and what goes with them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest

from seaway.conformance.client.http import Response
from seaway.conformance.server.values import OK
from seaway.conformance.serving.world import ServerWorld

pytestmark = pytest.mark.needs("http")

BEGIN: dict[str, Any] = {**OK, "body": b"a", "more_body": True}
MORE: dict[str, Any] = {"type": "http.response.body", "body": b"b", "more_body": True}
LAST: dict[str, Any] = {"type": "http.response.body", "body": b"c"}
TRAILERS: dict[str, Any] = {"type": "http.response.trailers", "headers": [(b"x-sum", b"7")]}
HINTS: dict[str, Any] = {"type": "http.response.informational", "status": 103, "headers": [(b"link", b"</a>")]}
TE = "TE: trailers"


async def answered(
    world: ServerWorld, messages: Sequence[dict[str, Any]], *fields: str, method: str = "GET", version: str = "1.1"
) -> Response:
    """Send a request and then a second one on the same connection; return the response to the first.

    That both are answered shows that what is on the wire ends where the framing says. A connection that the first
    response closes must end with it.
    """
    async with world.request("/", *fields, method=method, version=version) as (client, call):
        for message in messages:
            await call.send(message)
        response = await client.response(method)
        await call.returns()
        assert (await call.consumer.given("http.disconnect"))["complete"] is True
        if response.framing == "close":
            return response
        if response.closes or version == "1.0":
            assert await client.ended() == b""
            return response
        await client.send(client.request("/next"))
        following = await world.called("http.request")
        await following.send({**OK, "body": b"next"})
        assert (await client.response()).body == b"next"
        await following.returns()
        return response


@pytest.mark.req("HTTP-040")
@pytest.mark.both_flavours
async def test_one_message_has_a_length_and_several_are_chunked(world: ServerWorld) -> None:
    one = await answered(world, [OK])
    assert (one.framing, one.body, one.field(b"content-length")) == ("length", b"ok", b"2")
    empty = await answered(world, [{"type": "http.response", "status": 200}])
    assert (empty.framing, empty.field(b"content-length")) == ("length", b"0")
    several = await answered(world, [BEGIN, MORE, {**MORE, "body": b""}, LAST])
    assert (several.framing, several.body) == ("chunked", b"abc")


@pytest.mark.req("HTTP-040")
@pytest.mark.both_flavours
async def test_the_consumers_own_length_is_kept(world: ServerWorld) -> None:
    length = {"headers": [(b"content-length", b"2")]}
    one = await answered(world, [{**OK, **length}])
    assert (one.framing, one.body, one.field(b"content-length")) == ("length", b"ok", b"2")
    several = await answered(world, [{**BEGIN, **length}, LAST])
    assert (several.framing, several.body) == ("length", b"ac")


@pytest.mark.req("HTTP-040", "HTTP-087")
async def test_to_http_1_0_the_end_of_the_connection_ends_a_longer_response(world: ServerWorld) -> None:
    response = await answered(world, [BEGIN, MORE, LAST], "Connection: keep-alive", version="1.0")
    assert (response.framing, response.body) == ("close", b"abc")


@pytest.mark.req("HTTP-041", "HTTP-042")
@pytest.mark.both_flavours
async def test_a_response_to_head_has_the_fields_and_no_body(world: ServerWorld) -> None:
    one = await answered(world, [OK], method="HEAD")
    assert (one.body, one.field(b"content-length")) == (b"", b"2")
    own = await answered(world, [{**OK, "body": b"", "headers": [(b"content-length", b"70")]}], method="HEAD")
    assert (own.body, own.field(b"content-length")) == (b"", b"70")
    several = await answered(world, [BEGIN, MORE, LAST], method="HEAD")
    assert (several.body, (several.field(b"transfer-encoding") or b"").lower()) == (b"", b"chunked")


@pytest.mark.req("HTTP-041", "HTTP-043")
@pytest.mark.both_flavours
async def test_204_and_304_have_no_body_and_204_no_framing(world: ServerWorld) -> None:
    for status in (204, 304):
        for messages in ([OK], [BEGIN, LAST], [{**OK, "headers": [(b"content-length", b"2")]}]):
            first, *others = messages
            response = await answered(world, [{**first, "status": status}, *others])
            assert (response.status, response.body) == (status, b"")
            if status == 204:
                assert response.field(b"content-length") is None
                assert response.field(b"transfer-encoding") is None


@pytest.mark.req("HTTP-044")
async def test_a_response_has_a_date_its_own_or_the_servers(world: ServerWorld) -> None:
    date = (await answered(world, [OK])).field(b"date") or b""
    assert re.fullmatch(rb"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", date), date
    own = b"Thu, 01 Jan 1970 00:00:00 GMT"
    assert (await answered(world, [{**OK, "headers": [(b"date", own)]}])).field(b"date") == own


@pytest.mark.req("CON-070")
async def test_every_field_goes_out_as_it_is_and_as_often(world: ServerWorld) -> None:
    """Those of one name in their order (RFC 9110, 5.3)."""
    fields = [(b"set-cookie", b"a=1"), (b"x-a", b"\xe9\t?"), (b"set-cookie", b"b=2"), (b"x-empty", b"")]
    response = await answered(world, [{**OK, "headers": fields}])
    for wanted in (b"set-cookie", b"x-a", b"x-empty"):
        found = [field for field in response.fields if field[0] == wanted]
        assert found == [field for field in fields if field[0] == wanted]


@pytest.mark.req("CON-070")
async def test_every_status_goes_out(world: ServerWorld) -> None:
    for status in (200, 205, 299, 301, 418, 451, 500, 599):
        assert (await answered(world, [{**OK, "status": status}])).status == status


@pytest.mark.req("HTTP-028")
@pytest.mark.both_flavours
async def test_the_head_goes_out_at_once(world: ServerWorld) -> None:
    async with world.request() as (client, call):
        await call.send({**OK, "body": b"", "more_body": True, "headers": [(b"x-a", b"1")]})
        while b"\r\n\r\n" not in client.buffer:
            assert await client.more()
        assert b"x-a: 1\r\n" in client.buffer.lower()
        await call.send(LAST)
        assert (await client.response()).body == b"c"
        await call.returns()


@pytest.mark.req("HTTP-040")
async def test_each_part_goes_out_at_once(world: ServerWorld) -> None:
    async with world.request() as (client, call):
        await call.send(BEGIN)
        for body in (b"first", b"second"):
            await call.send({**MORE, "body": body})
            while body not in client.buffer:
                assert await client.more()
        await call.send(LAST)
        assert (await client.response()).body == b"afirstsecondc"
        await call.returns()


@pytest.mark.req("HTTP-035")
@pytest.mark.both_flavours
async def test_a_consumer_can_end_the_connection_with_its_response(world: ServerWorld) -> None:
    response = await answered(world, [{**OK, "headers": [(b"connection", b"close")]}])
    assert (response.closes, response.body) == (True, b"ok")


@pytest.mark.req("HTTP-045", "HTTP-046")
@pytest.mark.both_flavours
async def test_trailers_go_to_a_client_that_takes_them(world: ServerWorld) -> None:
    for first, *others in ([OK], [BEGIN, LAST]):
        messages = [{**first, "trailers": True}, *others, TRAILERS]
        response = await answered(world, messages, TE)
        assert (response.framing, response.trailers) == ("chunked", [(b"x-sum", b"7")])
        response = await answered(world, messages)
        assert (response.framing, response.trailers) == ("chunked", [])


@pytest.mark.req("HTTP-045", "HTTP-046")
async def test_trailers_are_discarded_where_the_body_is_not_chunked(world: ServerWorld) -> None:
    with_length = {**OK, "headers": [(b"content-length", b"2")], "trailers": True}
    response = await answered(world, [with_length, TRAILERS], TE)
    assert (response.framing, response.body, response.trailers) == ("length", b"ok", [])
    to_head = await answered(world, [{**OK, "trailers": True}, TRAILERS], TE, method="HEAD")
    assert to_head.body == b""
    old = await answered(world, [{**OK, "trailers": True}, TRAILERS], TE, version="1.0")
    assert (old.framing, old.body) == ("close", b"ok")


@pytest.mark.req("HTTP-047")
@pytest.mark.both_flavours
async def test_informational_responses_go_before_the_response(world: ServerWorld) -> None:
    async with world.request() as (client, call):
        for status in (102, 103, 103, 199):
            await call.send({**HINTS, "status": status})
            hint = await client.response()
            assert (hint.status, hint.field(b"link")) == (status, b"</a>")
        await call.send(OK)
        assert (await client.response()).status == 200
        await call.returns()


@pytest.mark.req("HTTP-047")
async def test_informational_responses_do_not_go_to_http_1_0(world: ServerWorld) -> None:
    assert (await answered(world, [HINTS, OK], version="1.0")).status == 200

"""What `send` refuses of an HTTP consumer, and that nothing has happened then."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.conformance.client.http import IncompleteError
from seaway.conformance.server.values import OK, wake
from seaway.conformance.serving.consumer import Call
from seaway.conformance.serving.world import ServerWorld

pytestmark = pytest.mark.needs("http")

BEGIN: dict[str, Any] = {**OK, "body": b"", "more_body": True}
MORE: dict[str, Any] = {"type": "http.response.body", "body": b"b", "more_body": True}
LAST: dict[str, Any] = {"type": "http.response.body", "body": b"ok"}
TRAILERS: dict[str, Any] = {"type": "http.response.trailers", "headers": [(b"x-sum", b"7")]}
HINTS: dict[str, Any] = {"type": "http.response.informational", "status": 103}
OTHERS: list[dict[str, Any]] = [
    {"type": "websocket.send", "text": "a"},
    {"type": "http.request"},
    {"type": "http.disconnect", "complete": True},
    {"type": "http.response.file", "path": "/nowhere"},
    {"type": "http2.reset", "error_code": 0},
]


async def refused(world: ServerWorld, *messages: dict[str, Any]) -> None:
    """Send each message, which must be refused; and then a response, as if nothing had been."""
    async with world.request() as (client, call):
        for message in messages:
            await call.refused(message)
        await call.send(OK)
        response = await client.response()
        assert (response.status, response.body, response.framing) == (200, b"ok", "length")
        await call.returns()
        assert (await call.consumer.given("http.disconnect"))["complete"] is True


async def ends_well(call: Call, client: Any) -> None:
    """The rest of a response that has begun must come, whole."""
    await call.send(LAST)
    response = await client.response()
    assert (response.status, response.body) == (200, b"ok")
    await call.returns()


@pytest.mark.req("HTTP-026", "CON-066", "CON-067")
@pytest.mark.both_flavours
async def test_before_the_response_only_it_and_informational_ones_may_be_sent(world: ServerWorld) -> None:
    await refused(world, MORE, LAST, TRAILERS, *OTHERS)


@pytest.mark.req("HTTP-026", "CON-066", "CON-067")
@pytest.mark.both_flavours
async def test_in_the_body_only_more_of_it_may_be_sent(world: ServerWorld) -> None:
    async with world.request() as (client, call):
        await call.send(BEGIN)
        for message in (OK, HINTS, TRAILERS, *OTHERS[:3]):
            await call.refused(message)
        await ends_well(call, client)


@pytest.mark.req("HTTP-026", "CON-066", "CON-067")
@pytest.mark.both_flavours
async def test_behind_a_body_with_trailers_only_they_may_be_sent(world: ServerWorld) -> None:
    async with world.request("/", "TE: trailers") as (client, call):
        await call.send({**OK, "trailers": True})
        for message in (OK, HINTS, MORE, LAST, *OTHERS[:3]):
            await call.refused(message)
        await call.send(TRAILERS)
        response = await client.response()
        assert (response.body, response.trailers) == (b"ok", [(b"x-sum", b"7")])
        await call.returns()


@pytest.mark.req("HTTP-026")
@pytest.mark.both_flavours
async def test_after_the_response_nothing_may_be_sent_at_any_later_time(world: ServerWorld) -> None:
    async with world.request() as (client, call):
        await call.send(OK)
        await client.response()
        outside = await call.outside()
        for message in (OK, MORE, HINTS, TRAILERS):
            await outside.refused(message, "ValueError")
        await call.returns()
        await call.consumer.given("http.disconnect")
        for message in (OK, MORE, HINTS, TRAILERS):
            await outside.refused(message, "ValueError")
        client.close()
        await world.silence()
        await outside.refused(OK, "ValueError")


@pytest.mark.req("HTTP-027", "CON-065")
@pytest.mark.both_flavours
async def test_after_the_client_has_gone_every_valid_message_raises_connectionerror(world: ServerWorld) -> None:
    async with world.request() as (client, call):
        outside = await call.outside()
        client.close()
        await call.returns()
        await call.consumer.given("http.disconnect")
        for message in (OK, BEGIN, LAST, HINTS, TRAILERS, wake(1)):
            await outside.refused(message, "ConnectionError")


@pytest.mark.req("HTTP-027", "HTTP-049")
@pytest.mark.needs("response_timeout")
@pytest.mark.both_flavours
async def test_after_the_server_has_answered_a_response_raises_connectionerror(world: ServerWorld) -> None:
    """The state is `ended`: it was not the consumer that completed the response."""
    server = await world.server(response_timeout=0.5)
    async with world.request(server=server) as (client, call):
        outside = await call.outside()
        await call.returns()
        assert (await client.response()).status == 503
        await call.consumer.given("http.disconnect")
        await outside.refused(OK, "ConnectionError")
        await outside.refused(HINTS, "ConnectionError")


@pytest.mark.req("HTTP-027", "HTTP-050")
@pytest.mark.both_flavours
async def test_after_its_own_failure_a_response_raises_connectionerror(world: ServerWorld) -> None:
    async with world.request() as (client, call):
        outside = await call.outside()
        await call.raises()
        assert (await client.response()).status == 500
        await call.consumer.given("http.disconnect")
        await outside.refused(OK, "ConnectionError")


@pytest.mark.req("HTTP-032", "CON-067")
@pytest.mark.both_flavours
async def test_field_names_are_tokens_in_lower_case_and_values_have_no_controls(world: ServerWorld) -> None:
    names = [b"", b"X-Upper", b"x a", b"x:", b"x\r\n", b"x\x00", b"\xe9", b'"x"', b"x\t"]
    values = [b" a", b"a ", b"\ta", b"a\r\nb: c", b"a\nb", b"a\rb", b"a\x00b", b"a\x7fb", b"a\x1fb"]
    fields = [(name, b"a") for name in names] + [(b"x-a", value) for value in values]
    await refused(world, *({**message, "headers": [field]} for field in fields for message in (OK, HINTS)))


@pytest.mark.req("HTTP-032")
async def test_every_other_byte_may_be_in_a_value(world: ServerWorld) -> None:
    value = b"a" + bytes([0x09, *range(0x20, 0x7F), *range(0x80, 0x100)]) + b"z"
    async with world.request() as (client, call):
        await call.send({**OK, "headers": [(b"x-a", value)]})
        assert (await client.response()).field(b"x-a") == value
        await call.returns()


@pytest.mark.req("HTTP-033", "HTTP-034", "HTTP-036")
@pytest.mark.both_flavours
async def test_fields_that_are_the_servers_are_refused(world: ServerWorld) -> None:
    fields = [
        (b"transfer-encoding", b"chunked"),
        (b"transfer-encoding", b"gzip"),
        (b"connection", b"keep-alive"),
        (b"connection", b"upgrade"),
        (b"connection", b"close, x-a"),
        (b"keep-alive", b"timeout=5"),
        (b"proxy-connection", b"close"),
        (b"upgrade", b"websocket"),
    ]
    await refused(world, *({**message, "headers": [field]} for field in fields for message in (OK, HINTS)))


@pytest.mark.req("HTTP-037")
@pytest.mark.both_flavours
async def test_a_length_is_one_number(world: ServerWorld) -> None:
    values = [b"", b"-1", b"+2", b"2.0", b"0x2", b"two", b"2, 2", b"1" * 19, "２".encode()]
    fields = [[(b"content-length", value)] for value in values] + [[(b"content-length", b"2")] * 2]
    await refused(world, *({**message, "headers": each} for each in fields for message in (OK, HINTS)))


@pytest.mark.req("HTTP-038", "CON-067")
@pytest.mark.both_flavours
async def test_more_than_the_consumers_length_is_refused_and_changes_nothing(world: ServerWorld) -> None:
    length = {"headers": [(b"content-length", b"2")]}
    await refused(world, {**OK, **length, "body": b"okk"}, {**BEGIN, **length, "body": b"okk"})
    async with world.request() as (client, call):
        await call.send({**BEGIN, **length})
        for message in ({**MORE, "body": b"okk"}, {**LAST, "body": b"okk"}):
            await call.refused(message)
        await ends_well(call, client)


@pytest.mark.req("HTTP-039")
@pytest.mark.both_flavours
async def test_an_end_short_of_the_consumers_length_is_refused_and_cuts(world: ServerWorld) -> None:
    length = {"headers": [(b"content-length", b"10")]}
    async with world.request() as (client, call):
        await call.send({**BEGIN, **length, "body": b"start"})
        await call.refused(LAST)
        with pytest.raises(IncompleteError):
            await client.response()
        await call.returns()
        assert (await call.consumer.given("http.disconnect"))["complete"] is False
    async with world.request() as (client, call):
        await call.refused({**OK, **length})
        rest = await client.ended()
        assert b"ok" not in rest, "a response that is short of its length went out"
        await call.returns()
        assert (await call.consumer.given("http.disconnect"))["complete"] is False


@pytest.mark.req("HTTP-088", "HTTP-032", "CON-067")
@pytest.mark.both_flavours
async def test_trailers_that_would_decide_something_are_refused(world: ServerWorld) -> None:
    names = (
        b"content-length transfer-encoding host connection keep-alive proxy-connection trailer te upgrade "
        b"content-type content-encoding content-range set-cookie authorization cookie"
    ).split()
    fields = [*((name, b"close") for name in names), (b"X-Upper", b"1"), (b"x-a", b"a\r\nb: c"), (b"x-a", b" 1")]
    async with world.request("/", "TE: trailers") as (client, call):
        await call.send({**OK, "trailers": True})
        for field in fields:
            await call.refused({**TRAILERS, "headers": [field]})
        await call.send(TRAILERS)
        assert (await client.response()).trailers == [(b"x-sum", b"7")]
        await call.returns()


@pytest.mark.req("HTTP-026", "CON-067")
@pytest.mark.both_flavours
async def test_what_is_no_valid_message_is_refused_and_changes_nothing(world: ServerWorld) -> None:
    wrong: list[Any] = [
        {**OK, "status": 199},
        {**OK, "status": 600},
        {**OK, "status": 200.0},
        {**OK, "status": True},
        {"type": "http.response"},
        {**OK, "body": "text"},
        {**OK, "body": bytearray(b"ok")},
        {**OK, "more_body": 1},
        {**OK, "headers": [(b"x-a",)]},
        {**OK, "headers": [("x-a", "1")]},
        {**OK, "headers": {"x-a": "1"}},
        {**HINTS, "status": 101},
        {**HINTS, "status": 200},
        {"type": "http.response.push"},
        {"status": 200},
        {"type": None},
        "http.response",
        None,
    ]
    await refused(world, *wrong)

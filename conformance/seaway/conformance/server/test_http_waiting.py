"""A response that waits, does not come, or fails."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from seaway.conformance.client.http import IncompleteError
from seaway.conformance.server.values import OK, SOON, line, wake
from seaway.conformance.serving.world import ServerWorld

pytestmark = pytest.mark.needs("http")

BEGIN: dict[str, Any] = {**OK, "body": b"part", "more_body": True}
LAST: dict[str, Any] = {"type": "http.response.body", "body": b"!"}


@pytest.mark.req("HTTP-048")
@pytest.mark.both_flavours
async def test_a_consumer_that_returns_is_kept_and_answers_when_a_message_comes(world: ServerWorld) -> None:
    """Long polling: from the layer, from the clock, and from the socket, which ends."""
    async with world.request() as (client, call), world.request("/other") as (_, other):
        await call.returns()
        await other.layer("send", call.consumer.channel, line(1))
        assert (await call.consumer.given("test.line"))["number"] == 1
        await other.layer("send", call.consumer.channel, line(2))
        second = await call.consumer.called("test.line")
        await second.send(wake(0))
        await second.returns()
        woken = await call.consumer.called("server.wake")
        await woken.send({**OK, "body": b"at last"})
        assert (await client.response()).body == b"at last"
        await woken.returns()
        assert (await call.consumer.given("http.disconnect"))["complete"] is True
        await other.returns()


@pytest.mark.req("HTTP-048")
@pytest.mark.both_flavours
async def test_a_consumer_that_returns_within_its_response_goes_on_with_it(world: ServerWorld) -> None:
    async with world.request() as (client, call), world.request("/other") as (_, other):
        await call.send(BEGIN)
        await call.returns()
        await other.layer("send", call.consumer.channel, line(1))
        later = await call.consumer.called("test.line")
        await later.send(LAST)
        assert (await client.response()).body == b"part!"
        await later.returns()
        await other.returns()


@pytest.mark.req("HTTP-048", "HTTP-011")
@pytest.mark.both_flavours
async def test_a_consumer_that_waits_is_told_that_its_client_has_gone(world: ServerWorld) -> None:
    async with world.request() as (client, call):
        await call.returns()
        client.close()
        assert (await call.consumer.given("http.disconnect"))["complete"] is False


@pytest.mark.req("HTTP-049", "HTTP-053", "SRV-033")
@pytest.mark.needs("response_timeout")
@pytest.mark.waits
@pytest.mark.both_flavours
async def test_a_response_that_does_not_begin_is_503(world: ServerWorld) -> None:
    server = await world.server(response_timeout=0.5)
    for fields, body in (((), b""), (("Transfer-Encoding: chunked",), b"1\r\nx\r\n0\r\n\r\n")):
        async with world.request("/", *fields, server=server, method="POST") as (client, call):
            await client.send(body)
            await call.returns()
            more = call.message.get("more_body", False)
            while more:
                more = (await call.consumer.given("http.request.body")).get("more_body", False)
            response = await client.response()
            assert (response.status, response.field(b"content-length")) == (503, b"%d" % len(response.body))
            assert (await call.consumer.disconnected())["complete"] is False


@pytest.mark.req("HTTP-049")
@pytest.mark.needs("response_timeout")
@pytest.mark.waits
@pytest.mark.both_flavours
async def test_the_time_of_a_response_begins_with_the_last_of_the_body(world: ServerWorld) -> None:
    """And ends with the response's first message, not its last; a consumer that still runs is not spared."""
    server = await world.server(response_timeout=SOON)
    async with world.request("/", "Transfer-Encoding: chunked", server=server, method="POST") as (client, call):
        await call.returns()
        await anyio.sleep(SOON + 1)
        await client.send(b"0\r\n\r\n")
        last = await call.consumer.called("http.request.body")
        await last.send(BEGIN)
        await anyio.sleep(SOON + 1)
        await last.send(LAST)
        assert (await client.response()).body == b"part!"
        await last.returns()
    async with world.request(server=server) as (client, call):
        client.deadline += SOON
        assert (await client.response()).status == 503
        await call.returns()
        assert (await call.consumer.given("http.disconnect"))["complete"] is False


@pytest.mark.req("HTTP-049")
@pytest.mark.needs("response_timeout")
@pytest.mark.waits
async def test_an_informational_response_is_not_the_begin_of_one(world: ServerWorld) -> None:
    server = await world.server(response_timeout=SOON)
    async with world.request(server=server) as (client, call):
        client.deadline += SOON
        await call.send({"type": "http.response.informational", "status": 103})
        assert (await client.response()).status == 103
        await call.returns()
        assert (await client.response()).status == 503


@pytest.mark.req("HTTP-050", "HTTP-053")
@pytest.mark.both_flavours
async def test_a_failure_before_the_response_is_500(world: ServerWorld) -> None:
    for method in ("GET", "HEAD"):
        async with world.request(method=method) as (client, call):
            await call.send({"type": "http.response.informational", "status": 103})
            assert (await client.response(method)).status == 103
            await call.raises()
            response = await client.response(method)
            assert (response.status, response.body == b"") == (500, method == "HEAD")
            assert (await call.consumer.given("http.disconnect"))["complete"] is False


@pytest.mark.req("HTTP-050")
@pytest.mark.both_flavours
async def test_a_failure_in_a_later_call_is_500(world: ServerWorld) -> None:
    async with world.request() as (client, call), world.request("/other") as (_, other):
        await call.returns()
        await other.layer("send", call.consumer.channel, line(1))
        await (await call.consumer.called("test.line")).raises()
        assert (await client.response()).status == 500
        assert (await call.consumer.given("http.disconnect"))["complete"] is False
        await other.returns()


@pytest.mark.req("HTTP-051")
@pytest.mark.both_flavours
async def test_a_failure_in_a_response_cuts_it_whatever_its_framing(world: ServerWorld) -> None:
    length = {"headers": [(b"content-length", b"100")]}
    for version, begin in (("1.1", BEGIN), ("1.1", {**BEGIN, **length}), ("1.0", {**BEGIN, **length})):
        async with world.request(version=version) as (client, call):
            await call.send(begin)
            await call.raises()
            with pytest.raises(IncompleteError):
                await client.response()
            assert (await call.consumer.given("http.disconnect"))["complete"] is False


@pytest.mark.req("HTTP-051")
@pytest.mark.both_flavours
async def test_a_failure_in_a_response_that_the_end_of_the_connection_ends_resets_it(world: ServerWorld) -> None:
    """Without a length and without chunks only a reset says that it is not whole."""
    async with world.request(version="1.0") as (client, call):
        await call.send(BEGIN)
        await client.take(20)
        await call.raises()
        await client.ended()
        assert client.was_reset, "the client cannot tell the cut response from a whole one"
        await call.consumer.given("http.disconnect")


@pytest.mark.req("HTTP-051")
async def test_a_failure_before_the_trailers_cuts_a_response(world: ServerWorld) -> None:
    async with world.request("/", "TE: trailers") as (client, call):
        await call.send({**OK, "trailers": True})
        await call.raises()
        with pytest.raises(IncompleteError):
            await client.response()


@pytest.mark.req("HTTP-052")
@pytest.mark.both_flavours
async def test_a_failure_after_the_response_leaves_it_whole(world: ServerWorld) -> None:
    async with world.request() as (client, call):
        await call.send(OK)
        await call.raises()
        response = await client.response()
        assert (response.status, response.body) == (200, b"ok")
        assert (await call.consumer.given("http.disconnect"))["complete"] is True
        await client.send(client.request("/next"))
        following = await world.called("http.request")
        await following.send(OK)
        assert (await client.response()).status == 200
        await following.returns()

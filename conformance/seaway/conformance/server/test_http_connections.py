"""Many requests on one connection: which may follow, when, in which order; and how a connection ends."""

from __future__ import annotations

import anyio
import pytest

from seaway.conformance.client.http import Client, Response
from seaway.conformance.server.values import OK, SOON
from seaway.conformance.serving.world import ServerWorld

pytestmark = pytest.mark.needs("http")


async def answer(world: ServerWorld, client: Client, words: bytes = b"ok") -> Response:
    """Answer the next request; return the response."""
    call = await world.called("http.request")
    await call.send({**OK, "body": words})
    response = await client.response()
    await call.returns()
    return response


async def is_kept(world: ServerWorld, client: Client) -> None:
    """A further request on the connection must be answered."""
    await client.send(client.request("/next"))
    assert (await answer(world, client)).status == 200


@pytest.mark.req("HTTP-057")
@pytest.mark.both_flavours
async def test_http_1_1_keeps_a_connection(world: ServerWorld) -> None:
    async with world.client() as client:
        for field in ("X-A: 1", "Connection: keep-alive", "Connection: x-a"):
            await client.send(client.request("/", field))
            assert not (await answer(world, client)).closes, field
        await is_kept(world, client)


@pytest.mark.req("HTTP-057")
@pytest.mark.both_flavours
async def test_http_1_1_ends_a_connection_that_either_side_wants_to_end(world: ServerWorld) -> None:
    for field in ("Connection: close", "Connection: x-a, Close"):
        async with world.client() as client:
            await client.send(client.request("/", field))
            assert (await answer(world, client)).status == 200, field
            assert await client.ended() == b"", field


@pytest.mark.req("HTTP-087")
@pytest.mark.both_flavours
async def test_http_1_0_ends_a_connection_unless_asked_to_keep_it(world: ServerWorld) -> None:
    async with world.client() as client:
        await client.send(client.request(version="1.0"))
        assert (await answer(world, client)).body == b"ok"
        assert await client.ended() == b""
    async with world.client() as client:
        for _ in range(2):
            await client.send(client.request("/", "Connection: Keep-Alive", version="1.0"))
            assert (await answer(world, client)).body == b"ok"


@pytest.mark.req("HTTP-058", "HTTP-060")
@pytest.mark.both_flavours
async def test_pipelined_requests_are_answered_one_after_the_other(world: ServerWorld) -> None:
    async with world.client() as client:
        await client.send(b"".join(client.request(f"/{number}") for number in range(5)))
        for number in range(5):
            call = await world.called("http.request")
            assert call.message["path"] == f"/{number}"
            await call.send({**OK, "body": b"%d" % number})
            assert (await client.response()).body == b"%d" % number
            await call.returns()


@pytest.mark.req("HTTP-060")
@pytest.mark.both_flavours
async def test_a_request_behind_one_that_is_not_answered_waits(world: ServerWorld) -> None:
    async with world.request("/first") as (client, first):
        await client.send(client.request("/second"))
        await first.send({**OK, "more_body": True})
        await first.returns()
        async with world.request("/elsewhere") as (_, call):  # what was sent before it would have come
            assert call.message["path"] == "/elsewhere"
            await world.silence()
            await call.layer("send", first.consumer.channel, {"type": "test.go"})
            await call.returns()
        last = await first.consumer.called("test.go")
        await last.send({"type": "http.response.body"})
        assert (await client.response()).body == b"ok"
        assert (await world.called("http.request")).message["path"] == "/second"
        await last.returns()


@pytest.mark.req("HTTP-059")
@pytest.mark.both_flavours
async def test_the_next_request_begins_though_the_consumer_before_it_still_runs(world: ServerWorld) -> None:
    async with world.request("/first") as (client, first):
        await first.send(OK)
        assert (await client.response()).status == 200
        await client.send(client.request("/second"))
        second = await world.called("http.request")
        assert second.message["path"] == "/second"
        assert first.is_running
        await second.send(OK)
        assert (await client.response()).status == 200
        await second.returns()
        await first.returns()
        assert (await first.consumer.given("http.disconnect"))["complete"] is True


@pytest.mark.req("HTTP-058", "HTTP-060")
async def test_a_request_in_the_same_bytes_as_a_body_is_the_next_one(world: ServerWorld) -> None:
    async with world.client() as client:
        first = client.request("/first", method="POST", body=b"GET /body HTTP/1.1\r\n\r\n")
        await client.send(first + client.request("/second"))
        call = await world.called("http.request")
        assert call.message["body"] == b"GET /body HTTP/1.1\r\n\r\n"
        await call.send(OK)
        await client.response()
        await call.returns()
        following = await world.called("http.request")
        assert following.message["path"] == "/second"
        await following.send(OK)
        assert (await client.response()).status == 200
        await following.returns()


@pytest.mark.req("HTTP-056")
async def test_a_refusal_is_plain_text_with_a_length_and_ends_the_connection(world: ServerWorld) -> None:
    server = await world.server()
    for method, version, status in (("GET", "3.0", 505), ("HEAD", "3.0", 505), ("CONNECT", "1.1", 501)):
        async with world.client(server) as client:
            await client.send(client.request("/", method=method, version=version))
            response = await client.response(method)
            assert response.status == status
            assert (response.field(b"content-type") or b"").partition(b";")[0].strip() == b"text/plain"
            assert response.closes
            length = int(response.field(b"content-length") or b"-1")
            assert length == len(response.body) or (method == "HEAD" and response.body == b"")
            assert await client.ended() == b""
    await world.nobody_was_called(server)


@pytest.mark.req("HTTP-056", "HTTP-058")
@pytest.mark.both_flavours
async def test_a_refusal_comes_behind_the_responses_before_it(world: ServerWorld) -> None:
    async with world.client() as client:
        await client.send(client.request("/first") + b"NO REQUEST\r\n\r\n")
        first = await world.called("http.request")
        await world.silence()
        await first.send({**OK, "body": b"first"})
        assert (await client.response()).body == b"first"
        await first.returns()
        assert (await client.response()).status == 400
        assert await client.ended() == b""


@pytest.mark.req("HTTP-063", "SRV-033")
@pytest.mark.needs("header_timeout")
@pytest.mark.waits
async def test_a_head_that_is_not_complete_in_time_is_408(world: ServerWorld) -> None:
    server, deadline = await world.server(header_timeout=SOON), SOON + world.limits.deadline
    began = anyio.current_time()  # before the server can have begun to count
    async with world.client(server, deadline=deadline) as client:
        await client.send(b"GET / HTTP/1.1\r\nHost: te")
        assert (await client.response()).status == 408
        assert anyio.current_time() - began >= SOON - 0.05
        assert await client.ended() == b""
    async with world.client(server, deadline=deadline) as client:  # a byte now and then gives no more time
        await client.send(b"GET / HTTP/1.1\r\n")
        await client.trickle(b"x", every=0.1)
    async with world.client(server, deadline=deadline) as client:
        assert await client.ended() == b"", "a connection on which nothing came gets no response"


@pytest.mark.req("HTTP-063")
@pytest.mark.needs("header_timeout")
@pytest.mark.waits
async def test_the_time_of_the_next_head_begins_when_the_response_is_complete(world: ServerWorld) -> None:
    server = await world.server(header_timeout=SOON)
    async with world.request(server=server) as (client, call):
        client.deadline += SOON
        await anyio.sleep(SOON + 1)  # the consumer's time, not the client's
        await call.send(OK)
        assert (await client.response()).status == 200
        await call.returns()
        assert await client.ended() == b""
    async with world.request(server=server) as (client, call):
        client.deadline += SOON
        await call.send(OK)
        assert (await client.response()).status == 200
        await call.returns()
        await client.send(b"GET /half")
        assert (await client.response()).status == 408


@pytest.mark.req("HTTP-066")
@pytest.mark.both_flavours
async def test_an_expectation_of_http_1_0_is_ignored(world: ServerWorld) -> None:
    for value in ("100-continue", "something else"):
        async with world.client() as client:
            await client.send(client.request("/", f"Expect: {value}", method="POST", version="1.0", body=b"hello"))
            call = await world.called("http.request")
            assert (call.message["body"], call.message.get("more_body", False)) == (b"hello", False)
            await call.send(OK)
            assert (await client.response()).status == 200
            await call.returns()


@pytest.mark.req("HTTP-059", "HTTP-018")
@pytest.mark.both_flavours
async def test_a_response_in_the_middle_of_the_body_frees_the_connection_for_what_follows(world: ServerWorld) -> None:
    async with world.request("/", "Transfer-Encoding: chunked", method="POST") as (client, call):
        await client.send(b"1\r\nx\r\n")
        await call.send(OK)
        assert (await client.response()).status == 200
        await client.send(b"1\r\ny\r\n0\r\n\r\n" + client.request("/next"))
        assert (await answer(world, client)).status == 200
        assert call.is_running
        await call.returns()
        await call.consumer.disconnected()

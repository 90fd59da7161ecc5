"""Bodies of requests: whole or in parts, no faster than they are used, and what becomes of the rest."""

from __future__ import annotations

import anyio
import pytest

from seaway.conformance.server.values import OK, SOON
from seaway.conformance.serving.consumer import Consumer
from seaway.conformance.serving.world import ServerWorld

pytestmark = pytest.mark.needs("http")

CHUNKED = "Transfer-Encoding: chunked"
EXPECT = "Expect: 100-continue"
KIB = 1024


async def whole(consumer: Consumer) -> bytes:
    """Let the parts of a body be given, to the last; return the body."""
    body: bytes = b""
    while True:
        part = await consumer.given("http.request.body")
        body += part.get("body", b"")
        if not part.get("more_body", False):
            return body


@pytest.mark.req("HTTP-013", "SRV-033")
@pytest.mark.needs("body_buffer")
@pytest.mark.both_flavours
async def test_a_body_up_to_body_buffer_comes_whole_and_a_longer_one_in_parts(world: ServerWorld) -> None:
    server = await world.server(body_buffer=1000)
    for size, in_parts in ((0, False), (1, False), (1000, False), (1001, True)):
        async with world.client(server) as client:
            await client.send(client.request(method="POST", body=b"x" * size))
            call = await world.called("http.request")
            assert call.message.get("more_body", False) is in_parts, size
            body = call.message.get("body", b"")
            await call.returns()
            if in_parts:
                body += await whole(call.consumer)
            assert body == b"x" * size


@pytest.mark.req("HTTP-013")
async def test_a_body_of_64_kib_comes_whole(world: ServerWorld) -> None:
    async with world.client() as client:
        await client.send(client.request(method="POST", body=b"x" * 64 * KIB))
        call = await world.called("http.request")
        assert (len(call.message["body"]), call.message.get("more_body", False)) == (64 * KIB, False)
        await call.returns()


@pytest.mark.req("HTTP-014")
@pytest.mark.both_flavours
async def test_a_request_whose_body_is_long_or_chunked_or_expected_begins_at_once(world: ServerWorld) -> None:
    """The body's first byte is not sent before the consumer has been called."""
    for fields in ([f"Content-Length: {64 * KIB + 1}"], [CHUNKED], [EXPECT, "Content-Length: 5"], [EXPECT, CHUNKED]):
        async with world.request("/", *fields, method="POST") as (_, call):
            assert (call.message.get("body", b""), call.message["more_body"]) == (b"", True), fields
            await call.returns()


@pytest.mark.req("HTTP-013", "HTTP-014")
async def test_an_expectation_without_a_body_is_a_request_without_one(world: ServerWorld) -> None:
    async with world.request("/", EXPECT, "Content-Length: 0", method="POST") as (client, call):
        assert (call.message.get("body", b""), call.message.get("more_body", False)) == (b"", False)
        await call.send(OK)
        assert (await client.response()).status == 200
        await call.returns()


@pytest.mark.req("HTTP-015")
@pytest.mark.both_flavours
async def test_a_100_is_sent_when_the_consumer_returns_without_a_response(world: ServerWorld) -> None:
    for framing, body in (("Content-Length: 5", b"hello"), (CHUNKED, b"5\r\nhello\r\n0\r\n\r\n")):
        async with world.request("/", EXPECT, framing, method="POST") as (client, call):
            await world.silence()
            with anyio.move_on_after(0):
                await client.more()
            assert client.buffer == b"", "the 100 was sent while the call with http.request still ran"
            await call.returns()
            assert (await client.response()).status == 100
            await client.send(body)
            assert await whole(call.consumer) == b"hello"


@pytest.mark.req("HTTP-015", "HTTP-016")
@pytest.mark.both_flavours
async def test_no_100_is_sent_once_the_response_has_begun(world: ServerWorld) -> None:
    async with world.request("/", EXPECT, "Content-Length: 5", method="POST") as (client, call):
        await call.send({**OK, "more_body": True})
        await call.returns()
        await client.send(b"hello")
        last = await call.consumer.called("http.request.body")
        await last.send({"type": "http.response.body", "body": b"!"})
        response = await client.response()
        assert (response.status, response.body) == (200, b"ok!")
        await last.returns()
        await call.consumer.disconnected()
        assert client.buffer == b"", "behind the response came something that nobody has asked for"


@pytest.mark.req("HTTP-017")
@pytest.mark.both_flavours
async def test_no_part_is_given_while_the_one_before_is_used(world: ServerWorld) -> None:
    async with world.request("/", CHUNKED, method="POST") as (client, call):
        await client.send(b"1\r\na\r\n")
        await world.silence()
        assert len(call.consumer.calls) == 1
        await call.returns()
        part = await call.consumer.called("http.request.body")
        await client.send(b"1\r\nb\r\n0\r\n\r\n")
        await world.silence()
        assert len(call.consumer.calls) == 2
        await part.returns()
        assert await whole(call.consumer) == b"b"


@pytest.mark.req("HTTP-017")
@pytest.mark.alone
@pytest.mark.both_flavours
async def test_an_upload_is_read_no_faster_than_it_is_used(world: ServerWorld) -> None:
    """All that the systems' own buffers hold is far less than this body."""
    size = 64 * KIB * KIB
    async with world.client(send_buffer=64 * KIB) as client:
        await client.send(client.request("/", f"Content-Length: {size}", method="POST"))
        call = await world.called("http.request")
        sent = await client.stuff(b"x" * size)
        assert sent < size, "the server has read on while the consumer had not returned"
        assert len(call.consumer.calls) == 1
        await call.returns()


@pytest.mark.req("HTTP-018", "HTTP-019")
@pytest.mark.both_flavours
async def test_what_is_left_of_a_body_is_read_and_the_connection_kept(world: ServerWorld) -> None:
    """Up to 64 KiB of it; with the framing that it has."""
    rest = 60 * KIB
    for framing, body in (
        (f"Content-Length: {64 * KIB + rest}", b"x" * (64 * KIB + rest)),
        (CHUNKED, b"%x\r\n%s\r\n0\r\nX-Sum: 1\r\n\r\n" % (rest, b"x" * rest)),
    ):
        async with world.request("/", framing, method="POST") as (client, call):
            if "Length" in framing:  # 64 KiB are used, and the rest is not
                await client.send(body[: 64 * KIB])
                await call.returns()
                used = 0
                while used < 64 * KIB:
                    call = await call.consumer.called("http.request.body")
                    used += len(call.message["body"])
                    if used < 64 * KIB:
                        await call.returns()
                body = body[64 * KIB :]
            await call.send(OK)
            assert (await client.response()).status == 200
            await call.returns()
            await client.send(body)
            await call.consumer.given("http.disconnect")
            await client.send(client.request("/next"))
            following = await world.called("http.request")
            assert following.message["path"] == "/next"
            await following.send(OK)
            assert (await client.response()).status == 200
            await following.returns()


@pytest.mark.req("HTTP-019")
@pytest.mark.both_flavours
async def test_a_rest_of_more_than_64_kib_ends_the_connection(world: ServerWorld) -> None:
    async with world.request("/", "Content-Length: 10000000", method="POST") as (client, call):
        await call.send(OK)
        assert (await client.response()).status == 200
        await call.returns()
        await client.trickle(b"x" * 16 * KIB, every=0.01)
        await call.consumer.given("http.disconnect")
    await world.nobody_was_called()


@pytest.mark.req("HTTP-018")
async def test_parts_that_are_filed_are_given_before_the_end(world: ServerWorld) -> None:
    """Where the server has filed one: it may also not have read it yet."""
    async with world.request("/", CHUNKED, method="POST") as (client, call):
        await client.send(b"4\r\npart\r\n")
        await call.returns()
        part = await call.consumer.called("http.request.body")
        await part.send(OK)
        await client.send(b"4\r\nmore\r\n0\r\n\r\n")
        assert (await client.response()).status == 200
        await part.returns()
        last = await call.consumer.disconnected()
        assert last["type"] == "http.disconnect"
        types = [each.type for each in call.consumer.calls]
        assert types[-1] == "http.disconnect"
        assert set(types[:-1]) <= {"http.request", "http.request.body"}


@pytest.mark.req("HTTP-020", "SRV-033")
@pytest.mark.needs("body_timeout")
@pytest.mark.waits
@pytest.mark.both_flavours
async def test_a_body_that_does_not_come_is_408(world: ServerWorld) -> None:
    server = await world.server(body_timeout=0.5)
    async with world.client(server) as client:  # gathered: the application is not called
        await client.send(client.request("/", "Content-Length: 5", method="POST") + b"he")
        assert (await client.response()).status == 408
        await client.ended()
    async with world.request("/", CHUNKED, server=server, method="POST") as (client, call):
        await call.returns()
        assert (await client.response()).status == 408
        await client.ended()
        assert (await call.consumer.given("http.disconnect"))["complete"] is False


@pytest.mark.req("HTTP-020")
@pytest.mark.needs("body_timeout")
@pytest.mark.waits
async def test_a_body_that_trickles_is_408(world: ServerWorld) -> None:
    server = await world.server(body_timeout=0.5)
    async with world.request("/", CHUNKED, server=server, method="POST") as (client, call):
        await call.free()  # the time in which a consumer has a part is not the client's
        await call.returns()
        await client.trickle(b"1\r\nx\r\n", every=0.1)


@pytest.mark.req("HTTP-020")
@pytest.mark.needs("body_timeout")
@pytest.mark.waits
async def test_time_in_which_the_server_does_not_read_is_not_the_clients(world: ServerWorld) -> None:
    server = await world.server(body_timeout=SOON)
    async with world.request("/", CHUNKED, server=server, method="POST") as (client, call):
        await client.send(b"5\r\nhello\r\n0\r\n\r\n")
        await anyio.sleep(SOON + 1)
        await call.returns()
        assert await whole(call.consumer) == b"hello"


@pytest.mark.req("HTTP-077")
@pytest.mark.both_flavours
async def test_a_fault_in_a_body_whose_consumer_was_called_is_400_and_a_disconnect(world: ServerWorld) -> None:
    async with world.request("/", CHUNKED, method="POST") as (client, call):
        await call.returns()
        await client.send(b"no size\r\n")
        response = await client.response()
        assert response.status == 400
        await client.ended()
        assert (await call.consumer.given("http.disconnect"))["complete"] is False
    await world.nobody_was_called()


@pytest.mark.req("HTTP-077")
@pytest.mark.both_flavours
async def test_a_fault_in_a_body_whose_response_has_begun_ends_the_connection_alone(world: ServerWorld) -> None:
    async with world.request("/", CHUNKED, method="POST") as (client, call):
        await call.send({**OK, "more_body": True})
        await call.returns()
        await client.send(b"no size\r\n")
        assert (await call.consumer.given("http.disconnect"))["complete"] is False
        rest = await client.ended()
        assert rest.startswith(b"HTTP/1.1 200")
        assert b" 400 " not in rest
        assert not rest.endswith(b"0\r\n\r\n")

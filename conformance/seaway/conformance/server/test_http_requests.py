"""A request as its consumer gets it: every field, the body's frame, the trailers, the end."""

from __future__ import annotations

import pytest

from seaway.conformance.server.values import OK, validate
from seaway.conformance.serving.world import ServerWorld

pytestmark = pytest.mark.needs("http")

CHUNKED = "Transfer-Encoding: chunked"


@pytest.mark.req("HTTP-001", "HTTP-006")
@pytest.mark.both_flavours
async def test_a_request_has_every_field_exactly(world: ServerWorld) -> None:
    async with world.client() as client:
        head = client.request("/caf%C3%A9/%2F?q=%20&r", "X-Twice: one", "x-tWICE:\ttwo ", method="M-SEARCH")
        await client.send(head)
        call = await world.called("http.request")
        message = call.message
        await call.send(OK)
        await client.response()
        await call.returns()
    validate(message)
    assert message["method"] == "M-SEARCH"
    assert message["path"] == "/café//"
    assert message["raw_path"] == b"/caf%C3%A9/%2F"
    assert message["query_string"] == b"q=%20&r"
    assert message.get("root_path", "") == ""
    assert message.get("scheme", "http") == "http"
    assert message["http_version"] == "1.1"
    assert message.get("body", b"") == b""
    assert message.get("more_body", False) is False
    assert message["extensions"]["interface"] == "1.0"
    assert message.get("tls") is None
    fields = [field for field in message["headers"] if field[0] != b"x-conformance"]
    assert fields == [[b"host", b"test"], [b"x-twice", b"one"], [b"x-twice", b"two"]]


@pytest.mark.req("HTTP-001")
async def test_client_and_server_are_the_two_ends_of_the_connection(world: ServerWorld) -> None:
    async with world.request() as (client, call):
        assert call.message["client"] == list(client.socket.getsockname())
        assert call.message["server"] == list(client.socket.getpeername())
        await call.returns()


@pytest.mark.req("HTTP-001")
async def test_the_version_is_the_requests(world: ServerWorld) -> None:
    async with world.request(version="1.0") as (_, call):
        assert call.message["http_version"] == "1.0"
        await call.returns()


@pytest.mark.req("HTTP-001", "HTTP-086")
async def test_a_path_is_decoded_once_and_else_left_alone(world: ServerWorld) -> None:
    paths = {
        "/a/../b/./c": "/a/../b/./c",
        "//a///b": "//a///b",
        "/%2525": "/%25",
        "/a+b%20c": "/a+b c",
        "/;p=1": "/;p=1",
    }
    for raw, decoded in paths.items():
        async with world.request(raw) as (_, call):
            assert (call.message["path"], call.message["raw_path"]) == (decoded, raw.encode()), raw
            assert call.message.get("query_string", b"") == b"", raw
            await call.returns()


@pytest.mark.req("HTTP-001")
async def test_an_asterisk_is_a_path_of_options(world: ServerWorld) -> None:
    async with world.request("*", method="OPTIONS") as (_, call):
        assert (call.message["path"], call.message["raw_path"]) == ("*", b"*")
        await call.returns()


@pytest.mark.req("HTTP-002")
@pytest.mark.both_flavours
async def test_a_part_of_a_body_has_its_keys(world: ServerWorld) -> None:
    async with world.request("/", CHUNKED, method="POST") as (client, call):
        await call.returns()
        body, more = b"", True
        for data, so_far in ((b"5\r\nfirst\r\n", b"first"), (b"6\r\nsecond\r\n", b"firstsecond")):
            await client.send(data)
            while body != so_far:
                part = await call.consumer.given("http.request.body")
                validate(part)
                assert part["more_body"] is True
                body += part.get("body", b"")
        await client.send(b"0\r\n\r\n")
        while more:
            part = await call.consumer.given("http.request.body")
            validate(part)
            assert part.get("body", b"") == b""
            more = part.get("more_body", False)


@pytest.mark.req("HTTP-003", "HTTP-009", "HTTP-010")
@pytest.mark.both_flavours
async def test_trailers_follow_the_last_part_and_are_not_merged(world: ServerWorld) -> None:
    async with world.request("/", CHUNKED, method="POST") as (client, call):
        fields = call.message["headers"]
        await call.returns()
        await client.send(b"1\r\nx\r\n0\r\nX-Sum: 7\r\nx-sum:8 \r\n\r\n")
        last = None
        while last is None or last.get("more_body", False):
            last = await call.consumer.given("http.request.body")
        trailers = await call.consumer.given("http.request.trailers")
        validate(trailers)
        assert trailers["headers"] == [[b"x-sum", b"7"], [b"x-sum", b"8"]]
        assert not [name for name, _ in fields if name == b"x-sum"]


@pytest.mark.req("HTTP-010")
async def test_without_trailer_fields_there_is_no_such_message(world: ServerWorld) -> None:
    async with world.request("/", CHUNKED, method="POST") as (client, call):
        await call.returns()
        await client.send(b"1\r\nx\r\n0\r\n\r\n")
        part = await call.consumer.called("http.request.body")
        while part.message.get("more_body", False):
            await part.returns()
            part = await call.consumer.called("http.request.body")
        await part.send(OK)
        await client.response()
        await part.returns()
        await call.consumer.given("http.disconnect")


@pytest.mark.req("HTTP-004", "HTTP-012")
@pytest.mark.both_flavours
async def test_the_last_message_says_that_the_response_went_out_whole(world: ServerWorld) -> None:
    async with world.request() as (client, call):
        await call.send(OK)
        await client.response()
        await call.returns()
        message = await call.consumer.given("http.disconnect")
        validate(message)
        assert message["complete"] is True


@pytest.mark.req("HTTP-004", "HTTP-012")
@pytest.mark.both_flavours
async def test_the_last_message_says_that_the_response_did_not(world: ServerWorld) -> None:
    async with world.request() as (client, call):
        await call.send({**OK, "more_body": True})
        await client.take(10)
        client.reset()
        await call.returns()
        message = await call.consumer.given("http.disconnect")
        validate(message)
        assert message["complete"] is False


@pytest.mark.req("HTTP-011")
@pytest.mark.both_flavours
async def test_the_end_of_the_clients_stream_is_a_disconnect(world: ServerWorld) -> None:
    async with world.request() as (client, call):
        await call.returns()
        client.finish()
        assert (await call.consumer.given("http.disconnect"))["complete"] is False
        assert await client.ended() == b""


@pytest.mark.req("HTTP-011")
async def test_the_end_of_the_stream_in_a_body_is_a_disconnect(world: ServerWorld) -> None:
    async with world.request("/", CHUNKED, method="POST") as (client, call):
        await call.returns()
        await client.send(b"5\r\nhello\r\n")
        await call.consumer.given("http.request.body")
        client.finish()
        assert (await call.consumer.given("http.disconnect"))["complete"] is False

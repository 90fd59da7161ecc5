"""What a client may make a server believe, tell or write."""

from __future__ import annotations

import re

import pytest

from seaway.conformance.applications import SECRET
from seaway.conformance.client.http import request
from seaway.conformance.client.websocket import handshake, text
from seaway.conformance.server.values import OK
from seaway.conformance.serving.world import ServerWorld

pytestmark = pytest.mark.needs("http")

FORWARDED = (
    "Forwarded: for=203.0.113.9;proto=https;host=evil.example",
    "X-Forwarded-For: 203.0.113.9",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: evil.example",
    "X-Forwarded-Port: 443",
    "X-Real-IP: 203.0.113.9",
)


@pytest.mark.req("SEC-001")
@pytest.mark.needs("websocket")
async def test_nobody_is_believed_about_who_the_client_is(world: ServerWorld) -> None:
    server = await world.server()
    async with world.request("/", *FORWARDED, server=server) as (client, call):
        ours = client.socket.getsockname()
        assert call.message["client"] == [ours[0], ours[1]]
        assert call.message["server"] == [server.address[0], server.address[1]]
        assert call.message.get("scheme", "http") == "http"
        await call.returns()
    async with world.client(server) as client:
        await client.send(handshake("/", *client.own_fields, *FORWARDED))
        call = await world.called("websocket.connect")
        ours = client.socket.getsockname()
        assert call.message["client"] == [ours[0], ours[1]]
        assert call.message.get("scheme", "ws") == "ws"
        await call.returns()


@pytest.mark.req("SEC-002")
@pytest.mark.needs("websocket")
@pytest.mark.both_flavours
async def test_a_response_for_an_exception_tells_nothing_of_it(world: ServerWorld) -> None:
    async with world.request() as (client, call):
        await call.raises("Deliberate", SECRET)
        response = await client.response()
        assert response.status == 500
        for word in (SECRET.encode(), b"Deliberate", b"Traceback", b"puppet"):
            assert word not in response.body
            assert all(word not in value for _, value in response.fields)
    async with world.websocket() as (socket, consumer):
        await socket.send(text("go"))
        await (await consumer.called()).raises("Deliberate", SECRET)
        frame = await socket.frame()
        assert SECRET.encode() not in frame.payload


@pytest.mark.req("SEC-004")
async def test_control_characters_of_a_client_are_escaped_in_the_log(world: ServerWorld) -> None:
    server = await world.own_server()
    path = "/one%0d%0aINJECTED%1b%5b31m%00%7f%c2%85two"
    async with world.request(path, "X-Tab: a\tb", server=server) as (client, call):
        await call.raises("Deliberate", "in the log")
        assert (await client.response()).status == 500
    async with world.client(server) as client:
        await client.send(b"GET /\x1b[31m HTTP/1.1\r\nHost: a\r\nX-\x1bINJECTED: \x1b[0m\r\n\r\n")
        await client.ended()
    await server.logged("in the log", world.limits.deadline)
    log = server.output()
    assert not re.search(r"(?m)^INJECTED", log), log
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\x85]", log), repr(log)


@pytest.mark.req("SEC-005")
async def test_a_request_that_is_refused_for_its_form_is_no_traceback(world: ServerWorld) -> None:
    server = await world.own_server()
    for bad in (
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
        bytes(range(256)),
    ):
        async with world.client(server) as client:
            await client.send(bad)
            client.finish()
            await client.ended()
    await world.nobody_was_called(server)
    assert "Traceback" not in server.output()


@pytest.mark.req("SEC-006")
async def test_credentials_are_not_written_to_the_log(world: ServerWorld) -> None:
    server = await world.own_server()
    fields = [f"{name}: {name}-5ecret" for name in ("Authorization", "Proxy-Authorization", "Cookie")]
    async with world.request("/", *fields, server=server) as (client, call):
        await call.raises("Deliberate", "in the log")
        assert (await client.response()).status == 500
    async with world.client(server) as client:
        await client.send(request("/", *fields, "Bad Field: x"))
        await client.ended()
    async with world.request("/", *fields, server=server) as (client, call):
        await call.send(OK)
        await client.response()
        await call.returns()
    await server.logged("in the log", world.limits.deadline)
    assert "5ecret" not in server.output()

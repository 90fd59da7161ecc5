"""What a consumer may answer to a handshake: acceptance and rejection, in time, or not."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.conformance.client.websocket import handshake
from seaway.conformance.server.values import ACCEPT, CLOSE, REJECT, said, validate
from seaway.conformance.serving.consumer import Call
from seaway.conformance.serving.world import ServerWorld

pytestmark = pytest.mark.needs("websocket")


@pytest.mark.req("WS-022", "WS-010", "WS-003")
@pytest.mark.both_flavours
async def test_a_rejection_is_an_ordinary_response_and_the_end(world: ServerWorld) -> None:
    async with world.client() as client:
        await client.send(handshake("/", *client.own_fields))
        call = await world.called("websocket.connect")
        headers = [[b"www-authenticate", b"Bearer"], [b"x-more", b"1"]]
        await call.send({"type": "websocket.reject", "status": 401, "headers": headers, "body": b"who are you?"})
        response = await client.response()
        assert (response.status, response.body, response.framing) == (401, b"who are you?", "length")
        assert [list(pair) for pair in response.fields if list(pair) in headers] == headers
        assert response.field(b"date")
        assert await client.ended() == b""
        await call.returns()
        message = await call.consumer.given("websocket.disconnect")
        validate(message, "to-consumer")
        assert message["code"] == 1006


@pytest.mark.req("WS-022")
@pytest.mark.both_flavours
async def test_a_rejection_without_more_is_403(world: ServerWorld) -> None:
    async with world.client() as client:
        await client.send(handshake("/", *client.own_fields))
        call = await world.called()
        await call.send(REJECT)
        response = await client.response()
        assert (response.status, response.body) == (403, b"")
        assert await client.ended() == b""
        await call.returns()
        assert (await call.consumer.given())["code"] == 1006


async def _rejected(world: ServerWorld, **rejection: Any) -> Any:
    async with world.client() as client:
        await client.send(handshake("/", *client.own_fields))
        call = await world.called()
        await call.send({"type": "websocket.reject", **rejection})
        response = await client.response()
        assert await client.ended() == b""
        await call.returns()
    return response


@pytest.mark.req("WS-021", "HTTP-043", "HTTP-044")
async def test_a_rejection_is_framed_like_a_response(world: ServerWorld) -> None:
    response = await _rejected(world, status=204, headers=[[b"content-length", b"4"]], body=b"gone")
    assert (response.status, response.body) == (204, b""), "the client raises for framing in a 204"
    response = await _rejected(world, status=304, body=b"gone")
    assert (response.status, response.body) == (304, b"")
    response = await _rejected(world, headers=[[b"content-length", b"4"], [b"date", b"today"]], body=b"body")
    assert (response.body, response.field(b"content-length"), response.field(b"date")) == (b"body", b"4", b"today")
    response = await _rejected(world, headers=[[b"connection", b"close"]], body=b"body")
    assert (response.body, response.closes) == (b"body", True)


_BAD_HEADERS = (
    [b"X-Upper", b"a"],
    [b"x y", b"a"],
    [b"", b"a"],
    [b"x", b" a"],
    [b"x", b"a\r\ny: b"],
    [b"x", b"a\x00"],
    [b"x", "a"],
    [b"transfer-encoding", b"chunked"],
    [b"connection", b"keep-alive"],
    [b"keep-alive", b"timeout=5"],
    [b"proxy-connection", b"close"],
    [b"upgrade", b"websocket"],
)


@pytest.mark.req("WS-021", "WS-020", "CON-067")
@pytest.mark.both_flavours
async def test_headers_that_may_not_be_are_refused_and_leave_the_handshake_open(world: ServerWorld) -> None:
    async with world.client() as client:
        await client.send(handshake("/", *client.own_fields))
        call = await world.called()
        for pair in _BAD_HEADERS:
            await call.refused({"type": "websocket.accept", "headers": [pair]})
            await call.refused({"type": "websocket.reject", "headers": [pair]})
        for name in (b"connection", b"content-length", b"sec-websocket-accept", b"sec-websocket-protocol"):
            value = b"close" if name == b"connection" else b"0"
            await call.refused({"type": "websocket.accept", "headers": [[name, value]]})
        await call.refused({"type": "websocket.accept", "headers": [[b"sec-websocket-anything", b"x"]]})
        length = [b"content-length", b"4"]
        for headers, body in (([length, length], b"four"), ([length], b"three!"), ([length], b"two"), ([length], b"")):
            await call.refused({"type": "websocket.reject", "headers": headers, "body": body})
        await call.refused({"type": "websocket.reject", "headers": [[b"content-length", b"+4"]], "body": b"four"})
        await call.send({"type": "websocket.reject", "headers": [length], "body": b"four"})
        assert (await client.response()).body == b"four"
        await call.returns()


@pytest.mark.req("WS-018", "WS-015", "MSG-027")
@pytest.mark.both_flavours
async def test_before_it_is_accepted_a_websocket_cannot_be_closed(world: ServerWorld) -> None:
    async with world.client() as client:
        await client.send(handshake("/", *client.own_fields))
        call = await world.called()
        raised = await call.refused(CLOSE)
        assert "websocket.reject" in raised.text, f"the error names no way out: {raised.text}"
        for wrong in (
            {"type": "websocket.send"},
            {"type": "websocket.send", "text": "a", "bytes": b"a"},
            {"type": "websocket.send", "text": b"a"},
            {"type": "websocket.send", "text": "\ud800"},
            {"type": "websocket.reject", "status": 101},
            {"type": "websocket.reject", "status": 600},
            {"type": "websocket.receive", "text": "a"},
            {"type": "websocket.connect"},
            {"type": "http.response", "status": 200},
            {"type": "test.message"},
        ):
            await call.refused(wrong)
        await call.send(ACCEPT)
        assert (await client.response()).status == 101
        await call.returns()


async def _states_refuse(call: Call, kind: str) -> None:
    for message in (ACCEPT, REJECT, said("late"), CLOSE):
        await call.refused(message, kind)


@pytest.mark.req("WS-015", "WS-016")
@pytest.mark.both_flavours
async def test_who_has_rejected_can_say_no_more(world: ServerWorld) -> None:
    async with world.client() as client:
        await client.send(handshake("/", *client.own_fields))
        call = await world.called()
        await call.send(REJECT)
        await _states_refuse(call, "ValueError")
        await client.response()
        await call.returns()
        last = await call.consumer.called("websocket.disconnect")
        await _states_refuse(last, "ValueError")
        await last.returns()


@pytest.mark.req("WS-016", "WS-010")
@pytest.mark.both_flavours
async def test_a_client_that_goes_before_it_is_accepted_is_no_fault_of_the_consumer(world: ServerWorld) -> None:
    async with world.client() as client:
        await client.send(handshake("/", *client.own_fields))
        call = await world.called()
        await call.returns()
        client.reset()
        last = await call.consumer.called("websocket.disconnect")
        assert last.message["code"] == 1006
        await _states_refuse(last, "ConnectionError")
        await last.returns()


@pytest.mark.req("WS-026", "WS-010")
@pytest.mark.needs("handshake_timeout")
@pytest.mark.both_flavours
@pytest.mark.waits
async def test_who_does_not_answer_in_time_is_answered_for_with_503(world: ServerWorld) -> None:
    server = await world.server(handshake_timeout=0.5)
    async with world.client(server) as client:
        await client.send(handshake("/", *client.own_fields))
        call = await world.called("websocket.connect")
        await call.returns()
        assert (await client.response()).status == 503
        assert await client.ended() == b""
        last = await call.consumer.called("websocket.disconnect")
        assert last.message["code"] == 1006
        await _states_refuse(last, "ConnectionError")
        await last.returns()


@pytest.mark.req("WS-037", "WS-010")
@pytest.mark.both_flavours
async def test_an_exception_before_it_is_accepted_is_a_500(world: ServerWorld) -> None:
    async with world.client() as client:
        await client.send(handshake("/", *client.own_fields))
        call = await world.called()
        await call.raises()
        response = await client.response()
        assert response.status == 500
        assert b"told to by the suite" not in response.body
        assert (await call.consumer.given("websocket.disconnect"))["code"] == 1006

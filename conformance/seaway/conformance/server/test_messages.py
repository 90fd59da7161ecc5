"""The form of every message that a consumer is given."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.conformance.client.websocket import BINARY, frame, handshake, text
from seaway.conformance.server.values import OK, validate, wake
from seaway.conformance.serving.consumer import Consumer
from seaway.conformance.serving.world import ServerWorld

CHUNKED = b"5\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 11\r\n\r\n"


def check(consumer: Consumer) -> set[str]:
    """Check what a consumer was given; return the types."""
    messages: list[Any] = [call.message for call in consumer.calls]
    for message in messages:
        validate(message, "to-consumer")
    return {message["type"] for message in messages}


@pytest.mark.req("MSG-026", "HTTP-001", "HTTP-002", "HTTP-003", "HTTP-004", "SRV-019")
@pytest.mark.needs("http")
@pytest.mark.both_flavours
async def test_every_message_of_a_request_is_valid(world: ServerWorld) -> None:
    async with world.client() as client:
        fields = (*client.own_fields, "Transfer-Encoding: chunked", "X-Empty:", "X-Bytes: \xff")
        head = "\r\n".join(["POST /caf%C3%A9?q=%20 HTTP/1.1", "Host: test", *fields, "", ""]).encode("latin-1")
        await client.send(head + CHUNKED)
        call = await world.called("http.request")
        await call.send(wake(0))
        while call.type != "http.request.trailers":
            await call.returns()
            call = await call.consumer.called()
        await call.send(OK)
        await client.response()
        await call.returns()
        await call.consumer.disconnected()
    assert check(call.consumer) >= {"http.request", "http.request.trailers", "http.disconnect"}


@pytest.mark.req("MSG-026", "WS-001", "WS-002", "WS-003")
@pytest.mark.needs("websocket")
@pytest.mark.both_flavours
async def test_every_message_of_a_websocket_is_valid(world: ServerWorld) -> None:
    async with world.websocket("/chat?x=1", "Sec-WebSocket-Protocol: chat.v2, chat.v1") as (socket, consumer):
        await socket.send(text("grüß"))
        await socket.send(frame(BINARY, b"\0\xff"))
        await consumer.given()
        await consumer.given()
        await socket.close()
        await consumer.disconnected()
    assert check(consumer) == {"websocket.connect", "websocket.receive", "websocket.disconnect"}
    async with world.client() as client:  # one that goes without a close frame
        await client.send(handshake("/", *client.own_fields))
        call = await world.called()
        await call.returns()
        client.reset()
        await call.consumer.disconnected()
    check(call.consumer)

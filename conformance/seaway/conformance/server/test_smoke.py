"""Without these nothing else makes sense."""

from __future__ import annotations

import pytest

from seaway.conformance.client.websocket import text
from seaway.conformance.serving.world import ServerWorld


@pytest.mark.req("CON-028")
@pytest.mark.needs("http")
@pytest.mark.both_flavours
async def test_a_request_is_answered(world: ServerWorld) -> None:
    async with world.request("/hello") as (client, call):
        assert call.message["path"] == "/hello"
        await call.send({"type": "http.response", "status": 200, "body": b"Hello!"})
        response = await client.response()
        assert (response.status, response.body) == (200, b"Hello!")
        await call.returns()


@pytest.mark.req("CON-028")
@pytest.mark.needs("websocket")
@pytest.mark.both_flavours
async def test_a_websocket_is_opened_and_speaks(world: ServerWorld) -> None:
    async with world.websocket("/chat") as (socket, consumer):
        await socket.send(text("ahoy"))
        call = await consumer.called("websocket.receive")
        assert call.message["text"] == "ahoy"
        await call.send({"type": "websocket.send", "text": "ahoy back"})
        await call.returns()
        assert await socket.message() == "ahoy back"

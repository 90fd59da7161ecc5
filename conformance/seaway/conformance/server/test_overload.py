"""More than a server takes."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from seaway.conformance.client.websocket import handshake
from seaway.conformance.server.values import OK
from seaway.conformance.serving.world import ServerWorld

pytestmark = pytest.mark.needs("http", "max_consumers")


@pytest.mark.req("SRV-026", "SRV-027", "SRV-033")
@pytest.mark.both_flavours
async def test_a_request_beyond_the_bound_is_refused_without_a_call(world: ServerWorld) -> None:
    server = await world.own_server(max_consumers=2)
    async with world.request("/1", server=server) as (one, first), world.request("/2", server=server) as (_, second):
        async with world.client(server) as client:
            response = await client.ask("/3")
            assert response.status == 503
            assert response.field(b"retry-after") is not None
        assert await world.application_calls(server, 2) == ["http", "http"]
        await first.send(OK)
        await one.response()
        await first.returns()
        last = await first.consumer.called("http.disconnect")
        async with world.client(server) as client:
            assert (await client.ask("/4")).status == 503, "a consumer that has not ended has given up its place"
        await last.returns()
        await second.returns()
    await second.consumer.given("http.disconnect")
    await world.nobody_was_called(server)


@pytest.mark.req("SRV-026", "SRV-027")
@pytest.mark.needs("websocket")
@pytest.mark.both_flavours
async def test_a_handshake_beyond_the_bound_is_refused_without_a_call(world: ServerWorld) -> None:
    server = await world.own_server(max_consumers=1)
    async with world.websocket(server=server) as (socket, consumer):
        async with world.client(server) as client:
            await client.send(handshake("/", *client.own_fields))
            response = await client.response()
            assert response.status == 503
            assert response.field(b"retry-after") is not None
        assert await world.application_calls(server, 1) == ["websocket"]
        await socket.close()
        await consumer.given("websocket.disconnect")
    await world.nobody_was_called(server)


@pytest.mark.req("SRV-031")
@pytest.mark.needs("limited descriptors")
async def test_a_server_without_file_descriptors_goes_on_serving(world: ServerWorld) -> None:
    server = await world.own_server()
    async with world.request("/held", server=server) as (held, call):
        server.limit_descriptors(2)
        async with AsyncExitStack() as many:
            for _ in range(8):
                await many.enter_async_context(world.client(server))
            await world.silence()
            await call.send(OK)
            assert (await held.response()).status == 200
            await call.returns()
            await call.consumer.given("http.disconnect")
        held.close()
        await world.nobody_was_called(server)  # a request of its own is in there, which must be served

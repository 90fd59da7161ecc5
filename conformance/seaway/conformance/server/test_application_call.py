"""How the application is called, and what comes of it."""

from __future__ import annotations

import re

import pytest

from seaway.conformance.applications import SECRET
from seaway.conformance.client.websocket import handshake
from seaway.conformance.server.values import ACCEPT, OK
from seaway.conformance.serving.world import ServerWorld


@pytest.mark.req("CON-001", "CON-006")
@pytest.mark.needs("http", "websocket")
@pytest.mark.both_flavours
async def test_an_application_is_called_with_four_arguments_and_its_protocol(world: ServerWorld) -> None:
    async with world.request() as (_, call):
        assert (call.consumer.hello["arguments"], call.consumer.hello["keywords"]) == (4, [])
        assert call.consumer.type == "http"
        await call.returns()
    async with world.websocket() as (_, consumer):
        assert (consumer.hello["arguments"], consumer.hello["keywords"]) == (4, [])
        assert consumer.type == "websocket"


@pytest.mark.req("CON-002")
@pytest.mark.needs("http", "websocket")
@pytest.mark.both_flavours
async def test_an_application_is_called_once_for_each_connection(world: ServerWorld) -> None:
    server = await world.own_server()
    async with world.client(server) as client:
        for number in range(3):
            await client.send(client.request(f"/{number}"))
            call = await world.called("http.request")
            assert call.message["path"] == f"/{number}"
            await call.send(OK)
            await client.response()
            await call.returns()
            await call.consumer.given("http.disconnect")
    async with world.websocket(server=server) as (socket, consumer):
        await socket.close()
        await consumer.disconnected()
    await world.nobody_was_called(server)
    assert await world.application_calls(server, 5) == ["http"] * 3 + ["websocket", "http"]


@pytest.mark.req("CON-007")
@pytest.mark.needs("http", "websocket")
async def test_an_application_without_types_gets_http_and_websocket_and_no_lifespan(world: ServerWorld) -> None:
    server = await world.own_server("undeclared")
    async with world.request(server=server) as (client, call):
        await call.send(OK)
        await client.response()
        await call.returns()
    async with world.websocket(server=server):
        pass
    assert await world.application_calls(server, 2) == ["http", "websocket"]


@pytest.mark.req("CON-014", "CON-015")
@pytest.mark.needs("http")
async def test_the_flavour_of_an_application_that_declares_none_is_the_servers_own(world: ServerWorld) -> None:
    server = await world.server("undeclared")
    async with world.request(server=server) as (client, call):
        assert await call.attribute("is_async") is (world.flavour == "asynchronous")
        await call.send(OK)
        assert (await client.response()).status == 200
        await call.returns()


@pytest.mark.req("CON-014", "CON-015", "CON-016")
@pytest.mark.needs("http")
@pytest.mark.both_flavours
async def test_the_flavour_that_an_application_declares_is_that_of_its_layer_and_its_send(world: ServerWorld) -> None:
    async with world.request() as (client, call):
        assert await call.attribute("is_async") is (world.flavour == "asynchronous")
        await call.layer("send", "somewhere", {"type": "test.message"})
        await call.send(OK)
        assert (await client.response()).status == 200
        await call.returns()


@pytest.mark.req("CON-016")
@pytest.mark.needs("no sync applications", "async applications")
async def test_a_synchronous_application_is_refused_at_start_up(world: ServerWorld) -> None:
    server = await world.own_server(flavour="synchronous", wait=False)
    server.may_end()
    assert await server.exit_code(4 * world.limits.deadline) != 0
    assert "CON-016" in server.output()


@pytest.mark.req("CON-009")
@pytest.mark.needs("http", "websocket")
@pytest.mark.both_flavours
async def test_a_request_to_an_application_for_websockets_is_told_to_upgrade(world: ServerWorld) -> None:
    server = await world.server("websocket")
    async with world.client(server) as client:
        response = await client.ask()
        assert response.status == 426
        assert (response.field(b"upgrade") or b"").lower() == b"websocket"
    async with world.websocket(server=server):
        pass


@pytest.mark.req("CON-009")
@pytest.mark.needs("http", "lifespan")
@pytest.mark.both_flavours
async def test_a_request_that_no_type_admits_is_answered_with_501(world: ServerWorld) -> None:
    server = await world.own_server("only_lifespan", wait=False)
    life = await world.lifespan()
    await life.given("lifespan.startup")
    await server.ready(4 * world.limits.deadline)
    async with world.client(server) as client:
        assert (await client.ask()).status == 501
    assert await world.application_calls(server, 1) == ["lifespan"]


@pytest.mark.req("CON-010")
@pytest.mark.needs("http", "websocket")
@pytest.mark.both_flavours
async def test_a_handshake_to_an_application_for_http_is_the_request_that_it_is(world: ServerWorld) -> None:
    server = await world.server("http")
    async with world.client(server) as client:
        await client.send(handshake("/plain", *client.own_fields))
        call = await world.called("http.request")
        assert call.consumer.type == "http"
        assert call.message["method"] == "GET"
        assert call.message["path"] == "/plain"
        await call.send(OK)
        assert (await client.response()).status == 200
        await call.returns()


@pytest.mark.req("CON-011", "SEC-002")
@pytest.mark.needs("http", "websocket")
@pytest.mark.both_flavours
async def test_an_application_call_that_raises_is_a_500_for_a_request_and_a_handshake(world: ServerWorld) -> None:
    server = await world.own_server("raising")
    async with world.client(server) as client:
        response = await client.ask()
        assert response.status == 500
        assert SECRET.encode() not in response.body
    async with world.client(server) as client:
        await client.send(handshake("/", *client.own_fields))
        assert (await client.response()).status == 500
    async with world.client(server) as client:
        assert (await client.ask()).status == 500, "the server has not gone on"
    assert await world.application_calls(server, 3) == ["http", "websocket", "http"]


@pytest.mark.req("CON-012")
@pytest.mark.needs("http", "websocket")
@pytest.mark.both_flavours
async def test_a_result_that_is_not_callable_is_a_500(world: ServerWorld) -> None:
    server = await world.own_server("none")
    async with world.client(server) as client:
        assert (await client.ask()).status == 500
    async with world.client(server) as client:
        await client.send(handshake("/", *client.own_fields))
        assert (await client.response()).status == 500


@pytest.mark.req("CON-017")
@pytest.mark.needs("http", "async applications")
async def test_a_call_that_cannot_be_awaited_ends_the_connection_and_names_the_requirement(world: ServerWorld) -> None:
    server = await world.own_server("unlike", flavour="asynchronous")
    async with world.client(server) as client:
        assert (await client.ask()).status == 500
    assert "CON-017" in await server.logged("CON-017", world.limits.deadline)


@pytest.mark.req("CON-018")
@pytest.mark.needs("http", "sync applications")
async def test_a_call_that_can_be_awaited_ends_the_connection_and_names_the_requirement(world: ServerWorld) -> None:
    server = await world.own_server("unlike", flavour="synchronous")
    async with world.client(server) as client:
        assert (await client.ask()).status == 500
    assert "CON-018" in await server.logged("CON-018", world.limits.deadline)


@pytest.mark.req("CON-072")
@pytest.mark.needs("http", "sync applications")
async def test_a_synchronous_application_and_its_consumer_run_in_no_event_loops_thread(world: ServerWorld) -> None:
    server = await world.server(flavour="synchronous")
    async with world.request(server=server) as (client, call):
        assert call.consumer.hello["in_loop"] is False, "the application was called in an event loop's thread"
        assert call.in_loop is False, "the consumer was called in an event loop's thread"
        await call.send(OK)
        await client.response()
        await call.returns()


@pytest.mark.req("CON-024")
@pytest.mark.needs("http")
@pytest.mark.both_flavours
async def test_a_consumers_channel_is_process_local(world: ServerWorld) -> None:
    async with world.request() as (_, call):
        channel = call.consumer.channel
        assert isinstance(channel, str)
        assert re.fullmatch(r"[A-Za-z0-9_.\-]{1,100}![A-Za-z0-9_.\-]+", channel), channel
        await call.returns()


@pytest.mark.req("CON-025")
@pytest.mark.needs("http", "websocket")
@pytest.mark.both_flavours
async def test_no_two_consumers_have_one_channel_not_even_one_after_the_other(world: ServerWorld) -> None:
    channels = []
    async with world.client() as client:
        for _ in range(10):
            await client.send(client.request())
            call = await world.called()
            channels.append(call.consumer.channel)
            await call.send(OK)
            await client.response()
            await call.returns()
            await call.consumer.given("http.disconnect")
    for _ in range(3):
        async with world.client() as client:
            await client.send(handshake("/", *client.own_fields))
            call = await world.called()
            channels.append(call.consumer.channel)
            await call.send(ACCEPT)
            await call.returns()
    assert len(set(channels)) == len(channels), channels

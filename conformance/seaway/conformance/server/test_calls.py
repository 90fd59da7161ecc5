"""How a consumer is called: one message at a time, in one context."""

from __future__ import annotations

import pytest

from seaway.conformance.client.websocket import handshake, text
from seaway.conformance.server.values import ACCEPT, OK, line, said, wake
from seaway.conformance.serving.world import ServerWorld


@pytest.mark.req("CON-028")
@pytest.mark.needs("http", "websocket")
@pytest.mark.both_flavours
async def test_the_first_message_is_the_first_of_the_protocol(world: ServerWorld) -> None:
    async with world.request() as (_, call):
        assert (call.number, call.type) == (1, "http.request")
        await call.returns()
    async with world.client() as client:
        await client.send(handshake("/", *client.own_fields))
        call = await world.called()
        assert (call.number, call.type) == (1, "websocket.connect")
        await call.returns()


@pytest.mark.req("CON-028", "CON-046")
@pytest.mark.needs("http")
@pytest.mark.both_flavours
async def test_a_client_that_goes_at_once_leaves_a_consumer_its_first_and_its_last_message(world: ServerWorld) -> None:
    async with world.client() as client:
        await client.send(client.request("/gone"))
        client.reset()
    call = await world.called("http.request")
    await call.returns()
    message = await call.consumer.given()
    assert (message["type"], message.get("complete", False)) == ("http.disconnect", False)


@pytest.mark.req("CON-029")
@pytest.mark.needs("http", "websocket")
@pytest.mark.both_flavours
async def test_to_send_before_the_first_call_is_an_error(world: ServerWorld) -> None:
    server = await world.server("early")
    async with world.request(server=server) as (client, call):
        early = call.consumer.hello["early"]
        assert early is not None, "send in the application call raised nothing"
        assert "ValueError" in early["kinds"], f"send in the application call ended with {early}"
        await call.send(OK)
        assert (await client.response()).status == 200
        await call.returns()


@pytest.mark.req("CON-030")
@pytest.mark.needs("websocket")
@pytest.mark.both_flavours
async def test_a_consumer_is_not_called_while_a_call_of_it_runs(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer):
        await socket.send(text("1"))
        call = await consumer.called("websocket.receive")
        await socket.send(text("2"))
        await call.layer("send", consumer.channel, line(1))
        await call.send(wake(0))
        await world.silence()
        async with world.websocket() as (other, neighbour):  # others are served meanwhile
            await other.send(text("3"))
            await neighbour.given("websocket.receive")
        assert call.is_running
        assert len(consumer.calls) == call.number, f"called again with {consumer.calls[-1]!r}"
        await call.returns()
        assert {(await consumer.given())["type"] for _ in range(3)} == {"websocket.receive", "test.line", "server.wake"}


@pytest.mark.req("CON-034")
@pytest.mark.needs("websocket")
@pytest.mark.both_flavours
async def test_the_calls_of_a_consumer_share_a_context_that_no_other_has(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer), world.websocket() as (other_socket, other):
        await socket.send(text("1"))
        call = await consumer.called()
        assert call.mark is None
        await call.set_mark("mine")
        await call.returns()
        await other_socket.send(text("1"))
        call = await other.called()
        assert call.mark is None, "the context of another consumer"
        await call.returns()
        await socket.send(text("2"))
        call = await consumer.called()
        assert call.mark == "mine"
        await call.layer("send", consumer.channel, line(1))
        await call.returns()
        call = await consumer.called("test.line")
        assert call.mark == "mine"
        await call.returns()


@pytest.mark.req("CON-034")
@pytest.mark.needs("http")
@pytest.mark.both_flavours
async def test_each_request_of_a_connection_has_a_context_of_its_own(world: ServerWorld) -> None:
    async with world.client() as client:
        for _ in range(2):
            await client.send(client.request())
            call = await world.called("http.request")
            assert call.mark is None, "the context of another consumer"
            await call.set_mark("mine")
            await call.send(OK)
            await client.response()
            await call.returns()
            last = await call.consumer.called("http.disconnect")
            assert last.mark == "mine"
            await last.returns()


@pytest.mark.req("CON-075")
@pytest.mark.needs("websocket", "sync applications")
async def test_what_a_call_wrote_to_memory_the_next_one_sees(world: ServerWorld) -> None:
    server = await world.server(flavour="synchronous")
    async with world.websocket(server=server) as (socket, consumer):
        for number in range(20):
            await socket.send(text(str(number)))
            call = await consumer.called()
            assert call.memory == (number - 1 if number else None)
            await call.remember(number)
            await call.returns()


@pytest.mark.req("CON-073")
@pytest.mark.needs("http", "sync applications")
async def test_calls_of_several_synchronous_consumers_run_at_the_same_time(world: ServerWorld) -> None:
    server = await world.server(flavour="synchronous")
    async with (
        world.request("/1", server=server) as (_, first),
        world.request("/2", server=server) as (_, second),
        world.request("/3", server=server) as (client, third),
    ):
        assert first.is_running
        assert second.is_running
        assert len({first.thread, second.thread, third.thread}) == 3
        await third.send(OK)
        assert (await client.response()).status == 200
        for call in (first, second, third):
            await call.returns()


@pytest.mark.req("CON-076")
@pytest.mark.needs("websocket", "sync applications")
async def test_what_is_queued_for_a_synchronous_consumer_is_given_to_it_in_one_thread(world: ServerWorld) -> None:
    server = await world.server(flavour="synchronous")
    async with world.websocket(server=server) as (socket, consumer):
        await socket.send(text("begin"))
        call = await consumer.called()
        for number in range(5):
            await call.layer("send", consumer.channel, line(number))
        await socket.send(text("end"))
        await world.silence()
        await call.returns()
        threads = [call.thread]
        for _ in range(6):
            call = await consumer.called()
            threads.append(call.thread)
            await call.returns()
        assert len(set(threads)) == 1, f"{len(set(threads))} threads for {len(threads)} calls"


@pytest.mark.req("CON-026", "CON-051")
@pytest.mark.needs("websocket")
@pytest.mark.both_flavours
async def test_a_consumer_that_has_not_answered_its_handshake_gets_messages_of_the_layer(
    world: ServerWorld,
) -> None:
    async with world.client() as client:
        await client.send(handshake("/", *client.own_fields))
        call = await world.called("websocket.connect")
        await call.layer("send", call.consumer.channel, line(1))
        await call.returns()
        call = await call.consumer.called("test.line")
        await call.send(ACCEPT)
        await call.send(said("late"))
        assert (await client.response()).status == 101
        await call.returns()

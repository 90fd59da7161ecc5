"""What comes to a consumer from the layer, and what must not."""

from __future__ import annotations

import pytest

from seaway.conformance.client.websocket import text
from seaway.conformance.server.values import OK, line
from seaway.conformance.serving.world import ServerWorld

FORGED = (
    {"type": "http.request.body", "body": b"forged"},
    {"type": "http.disconnect", "complete": True},
    {"type": "websocket.receive", "text": "forged"},
    {"type": "websocket.disconnect", "code": 1000},
    {"type": "lifespan.shutdown"},
    {"type": "task.stop"},
    {"type": "server.drain", "reason": "shutdown", "grace": 1.0},
    {"type": "server.wake"},
    {"type": "bridge.request"},
    {"type": "http2.settings"},
    {"type": "http.madeup"},
)


@pytest.mark.req("CON-026")
@pytest.mark.needs("http")
@pytest.mark.both_flavours
async def test_what_is_sent_to_a_consumers_channel_is_given_to_it(world: ServerWorld) -> None:
    async with world.request() as (_, call), world.request() as (_, other):
        await other.layer("send", call.consumer.channel, line(1))  # while its first call runs
        await call.returns()
        assert await call.consumer.given("test.line") == line(1)
        await other.layer("send", call.consumer.channel, {"type": "test.blob", "data": b"\0\xff", "deep": [{"a": 1.5}]})
        assert await call.consumer.given() == {"type": "test.blob", "data": b"\0\xff", "deep": [{"a": 1.5}]}
        await other.returns()


@pytest.mark.req("CON-026", "CON-032")
@pytest.mark.needs("websocket")
@pytest.mark.both_flavours
async def test_the_socket_the_layer_and_the_server_reach_a_consumer_through_the_same_call(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer):
        await socket.send(text("first"))
        call = await consumer.called("websocket.receive")
        await call.layer("send", consumer.channel, line(2))
        await call.returns()
        call = await consumer.called("test.line")
        await call.send({"type": "server.wake", "after": 0})
        await call.returns()
        assert await consumer.given() == {"type": "server.wake"}
        await socket.close()
        assert (await consumer.given())["type"] == "websocket.disconnect"


@pytest.mark.req("MSG-022", "MSG-023")
@pytest.mark.needs("websocket", "layer")
@pytest.mark.both_flavours
async def test_no_message_of_a_reserved_type_comes_from_the_layer(world: ServerWorld) -> None:
    server, broker = await world.layered_server()
    async with world.websocket(server=server) as (_, consumer):
        for forged in FORGED:
            await broker.deliver(consumer.channel, forged)
        await broker.deliver(consumer.channel, line(1))
        assert await consumer.given() == line(1)


@pytest.mark.req("MSG-022", "MSG-023")
@pytest.mark.needs("http", "layer")
async def test_no_event_of_a_request_comes_from_the_layer(world: ServerWorld) -> None:
    server, broker = await world.layered_server()
    async with world.request(server=server) as (client, call):
        for forged in FORGED:
            await broker.deliver(call.consumer.channel, forged)
        await broker.deliver(call.consumer.channel, line(1))
        await call.returns()
        last = await call.consumer.called()
        assert last.message == line(1)
        await last.send(OK)
        assert (await client.response()).status == 200
        await last.returns()


@pytest.mark.req("LAY-069")
@pytest.mark.needs("websocket", "layer")
@pytest.mark.both_flavours
async def test_what_is_for_a_channel_that_nobody_has_is_given_to_nobody(world: ServerWorld) -> None:
    broker = world.broker()
    server = await world.own_server(layer=broker)
    async with world.websocket(server=server) as (_, one), world.websocket(server=server) as (_, other):
        async with world.websocket(server=server) as (socket, third):
            await socket.close()
            await third.disconnected()
        await broker.seen("close_channel", third.channel)
        inbox = one.channel.partition("!")[0] + "!"
        for channel in (inbox, f"{inbox}nobody", third.channel):
            await broker.deliver(channel, line(1))
        for consumer in (one, other):
            await broker.deliver(consumer.channel, line(2))
            assert await consumer.given() == line(2), f"{consumer.channel} got what was for another channel"


@pytest.mark.req("LAY-070")
@pytest.mark.needs("http", "layer")
@pytest.mark.both_flavours
async def test_a_channel_that_was_closed_is_given_to_no_other_consumer(world: ServerWorld) -> None:
    server, broker = await world.layered_server()
    closed: list[str] = []
    for _ in range(8):
        async with world.request(server=server) as (client, call):
            assert call.consumer.channel not in closed
            await call.send(OK)
            await client.response()
            await call.returns()
            await call.consumer.given("http.disconnect")
        await broker.seen("close_channel", call.consumer.channel)
        closed.append(call.consumer.channel)


@pytest.mark.req("MSG-024")
@pytest.mark.needs("http", "layer")
async def test_a_forged_message_is_logged_once_for_each_type(world: ServerWorld) -> None:
    broker = world.broker()
    server = await world.own_server(layer=broker)
    async with world.request(server=server) as (_, call):
        for _ in range(3):
            await broker.deliver(call.consumer.channel, {"type": "http.forgery"})
        await broker.deliver(call.consumer.channel, line(1))
        await call.returns()
        await call.consumer.given("test.line")
        log = await server.logged("http.forgery", world.limits.deadline)
        assert log.count("http.forgery") == 1


@pytest.mark.req("CON-031")
@pytest.mark.needs("websocket")
@pytest.mark.both_flavours
async def test_messages_of_one_source_come_in_order(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer):
        await socket.send(text("0"))
        call = await consumer.called()
        for number in range(1, 11):
            await socket.send(text(str(number)))
            await call.layer("send", consumer.channel, line(number))
        await call.returns()
        given = [await consumer.given() for _ in range(20)]
        assert [one["text"] for one in given if one["type"] == "websocket.receive"] == [str(n) for n in range(1, 11)]
        assert [one for one in given if one["type"] == "test.line"] == [line(n) for n in range(1, 11)]


@pytest.mark.req("CON-033")
@pytest.mark.needs("websocket")
@pytest.mark.both_flavours
async def test_both_sources_are_taken_in_turn(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer), world.websocket() as (other, neighbour):
        await socket.send(text("begin"))
        call = await consumer.called()
        for number in range(5):
            await socket.send(text(str(number)))
            await call.layer("send", consumer.channel, line(number))
        await call.layer("send", consumer.channel, line(5))
        # What the neighbour says last has been read after all that went before on this machine's loopback.
        await other.send(text("settled"))
        await neighbour.given("websocket.receive")
        await world.silence()
        await call.returns()
        given = [(await consumer.given())["type"] for _ in range(10)]
        assert given in (["websocket.receive", "test.line"] * 5, ["test.line", "websocket.receive"] * 5), given


@pytest.mark.req("CON-044")
@pytest.mark.needs("http", "layer", "mailbox_layer_messages")
@pytest.mark.both_flavours
async def test_a_full_mailbox_keeps_nothing_from_others(world: ServerWorld) -> None:
    server, broker = await world.layered_server(mailbox_layer_messages=4)
    async with world.request(server=server) as (_, busy), world.request(server=server) as (_, idle):
        await idle.returns()
        for number in range(20):
            await broker.deliver(busy.consumer.channel, line(number))
        await broker.deliver(idle.consumer.channel, line(99))
        assert await idle.consumer.given() == line(99)
        await busy.returns()

"""Several server processes on one channel layer."""

from __future__ import annotations

import signal

import pytest

from seaway.conformance.client.websocket import text
from seaway.conformance.server.values import line, said
from seaway.conformance.serving.world import ServerWorld

pytestmark = pytest.mark.needs("websocket", "layer", "several processes")


@pytest.mark.req("CON-026", "CON-027", "CON-002")
@pytest.mark.both_flavours
async def test_a_group_reaches_its_members_in_every_process(world: ServerWorld) -> None:
    broker = world.broker()
    one, two = await world.own_server(layer=broker), await world.own_server(layer=broker)
    async with world.websocket(server=one) as (first, anna), world.websocket(server=two) as (second, bert):
        for socket, consumer in ((first, anna), (second, bert)):
            await socket.send(text("join"))
            call = await consumer.called()
            await call.layer("group_add", "room", consumer.channel)
            await call.returns()
        await first.send(text("hello, all"))
        call = await anna.called()
        await call.layer("send_group", "room", {"type": "chat.line", "text": call.message["text"]})
        await call.returns()
        for socket, consumer in ((first, anna), (second, bert)):
            call = await consumer.called("chat.line")
            await call.send(said(call.message["text"]))
            await call.returns()
            assert await socket.message() == "hello, all"
        await second.close()
        await bert.given("websocket.disconnect")
        await broker.seen("close_channel", bert.channel)
        assert await broker.members("room") == [anna.channel]


@pytest.mark.req("CON-025", "CON-026")
@pytest.mark.both_flavours
async def test_a_consumer_is_reached_from_another_process_by_its_channel(world: ServerWorld) -> None:
    broker = world.broker()
    one, two = await world.own_server(layer=broker), await world.own_server(layer=broker)
    async with world.websocket(server=one) as (_, anna), world.websocket(server=two) as (socket, bert):
        assert anna.channel != bert.channel
        await socket.send(text("go"))
        call = await bert.called()
        await call.layer("send", anna.channel, line(1))
        await call.returns()
        assert await anna.given() == line(1)


@pytest.mark.req("CON-057", "SRV-008")
@pytest.mark.needs("signals")
async def test_a_process_that_ends_leaves_the_others_as_they_are(world: ServerWorld) -> None:
    broker = world.broker()
    one, two = await world.own_server(layer=broker), await world.own_server(layer=broker)
    async with world.websocket(server=one) as (first, anna), world.websocket(server=two) as (second, bert):
        two.signal(signal.SIGTERM)
        assert (await bert.given())["type"] == "server.drain"
        assert await second.closed() == 1012
        await bert.given("websocket.disconnect")
        await two.exit_code(2 * world.limits.deadline)
        await first.send(text("still here?"))
        call = await anna.called()
        await call.send(said("yes"))
        await call.returns()
        assert await first.message() == "yes"

"""What the layer says of losses, passed on."""

from __future__ import annotations

import pytest

from seaway.conformance.client.websocket import text
from seaway.conformance.server.values import line, validate
from seaway.conformance.serving.world import ServerWorld

pytestmark = pytest.mark.needs("websocket", "layer")


@pytest.mark.req("GAP-015", "GAP-006", "GAP-007", "GAP-001")
@pytest.mark.both_flavours
async def test_a_gap_for_one_consumer_reaches_it_alone_as_it_is_and_where_it_is(world: ServerWorld) -> None:
    server, broker = await world.layered_server()
    async with world.websocket(server=server) as (_, one), world.websocket(server=server) as (_, other):
        for reason, dropped in (("expired", 2), ("overflow", 5), ("lost", None)):
            gap = {"type": "layer.gap", "reason": reason, "dropped": dropped}
            for message in (line(1), gap, line(2)):
                await broker.deliver(one.channel, message)
            given = [await one.given() for _ in range(3)]
            assert [line(1), gap, line(2)] == [{"dropped": None, **m} if m["type"] == "layer.gap" else m for m in given]
            validate(given[1])
        await broker.deliver(other.channel, line(3))
        assert await other.given() == line(3)


@pytest.mark.req("GAP-014", "LIF-007")
@pytest.mark.both_flavours
async def test_a_gap_for_the_inbox_reaches_every_consumer_without_a_number(world: ServerWorld) -> None:
    broker = world.broker()
    server = await world.own_server(layer=broker)
    async with world.websocket(server=server) as (_, one), world.websocket(server=server) as (_, other):
        inbox = one.channel.partition("!")[0] + "!"
        await broker.deliver(inbox, {"type": "layer.gap", "reason": "overflow", "dropped": 40})
        for consumer in (one, other):
            message = await consumer.given()
            assert (message["type"], message["reason"], message.get("dropped")) == ("layer.gap", "overflow", None)
        await broker.deliver(one.channel, line(1))
        assert await one.given() == line(1)


@pytest.mark.req("GAP-014")
@pytest.mark.needs("http")
@pytest.mark.both_flavours
async def test_a_gap_for_the_inbox_reaches_a_request_that_waits(world: ServerWorld) -> None:
    broker = world.broker()
    server = await world.own_server(layer=broker)
    async with world.request(server=server) as (_, call):
        await call.returns()
        inbox = call.consumer.channel.partition("!")[0] + "!"
        await broker.deliver(inbox, {"type": "layer.gap", "reason": "lost", "dropped": None})
        assert (await call.consumer.given("layer.gap")).get("dropped") is None


@pytest.mark.req("GAP-009")
@pytest.mark.both_flavours
async def test_there_is_no_gap_without_a_cause(world: ServerWorld) -> None:
    server, broker = await world.layered_server()
    async with world.websocket(server=server) as (_, consumer):
        for number in range(50):
            await broker.deliver(consumer.channel, line(number))
        assert [await consumer.given() for _ in range(50)] == [line(number) for number in range(50)]


@pytest.mark.req("GAP-020")
async def test_gaps_of_one_reason_beside_each_other_are_kept_as_one(world: ServerWorld) -> None:
    server, broker = await world.layered_server()
    async with (
        world.websocket(server=server) as (socket, consumer),
        world.websocket(server=server) as (_, neighbour),
    ):
        await socket.send(text("begin"))
        call = await consumer.called("websocket.receive")
        for dropped in (1, 2, 3):
            await broker.deliver(consumer.channel, {"type": "layer.gap", "reason": "expired", "dropped": dropped})
        await broker.deliver(neighbour.channel, line(0))
        await neighbour.given()
        await call.returns()
        message = await consumer.given("layer.gap")
        assert message["dropped"] == 6

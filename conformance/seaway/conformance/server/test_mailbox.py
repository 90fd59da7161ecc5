"""The bounds of a mailbox, and what happens at them."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from seaway.conformance.client.websocket import text
from seaway.conformance.server.values import line, wake
from seaway.conformance.serving.broker import Broker
from seaway.conformance.serving.consumer import Call, Consumer
from seaway.conformance.serving.world import ServerWorld

pytestmark = pytest.mark.needs("websocket", "layer")
KIB = 1024


def gap(dropped: int | None, reason: str = "overflow") -> dict[str, Any]:
    return {"type": "layer.gap", "reason": reason, "dropped": dropped}


async def busy(consumer: Consumer, socket: Any) -> Call:
    """Have a call of *consumer* run."""
    await socket.send(text("begin"))
    return await consumer.called("websocket.receive")


async def taken_in(world: ServerWorld, broker: Broker, server: Any) -> None:
    """Return when the server has taken in all that was delivered: what is delivered last is given to a neighbour."""
    async with world.websocket("/neighbour", server=server) as (_, neighbour):
        await broker.deliver(neighbour.channel, line(-1))
        await neighbour.given("test.line")


@pytest.mark.req("CON-041", "CON-042", "GAP-002", "GAP-006")
@pytest.mark.needs("mailbox_layer_messages")
@pytest.mark.both_flavours
async def test_what_finds_no_room_is_counted_in_a_gap_in_its_position(world: ServerWorld) -> None:
    server, broker = await world.layered_server(mailbox_layer_messages=4)
    async with world.websocket(server=server) as (socket, consumer):
        call = await busy(consumer, socket)
        for number in range(1, 8):
            await broker.deliver(consumer.channel, line(number))
        await taken_in(world, broker, server)
        await call.returns()
        assert await consumer.given() == line(1)
        call = await consumer.called()
        assert call.message == line(2)
        for number in (8, 9):  # two of four wait: half full, so these are admitted behind the gap
            await broker.deliver(consumer.channel, line(number))
        await taken_in(world, broker, server)
        await call.returns()
        assert [await consumer.given() for _ in range(5)] == [line(3), line(4), gap(3), line(8), line(9)]


@pytest.mark.req("CON-042")
@pytest.mark.needs("mailbox_layer_messages")
@pytest.mark.both_flavours
async def test_nothing_is_admitted_again_before_half_is_free(world: ServerWorld) -> None:
    server, broker = await world.layered_server(mailbox_layer_messages=4)
    async with world.websocket(server=server) as (socket, consumer):
        call = await busy(consumer, socket)
        for number in range(1, 6):
            await broker.deliver(consumer.channel, line(number))
        await taken_in(world, broker, server)
        await call.returns()
        call = await consumer.called()
        assert call.message == line(1)
        await broker.deliver(consumer.channel, line(6))  # three of four wait: more than half
        await taken_in(world, broker, server)
        await call.returns()
        assert [await consumer.given() for _ in range(4)] == [line(2), line(3), line(4), gap(2)]


@pytest.mark.req("CON-041")
@pytest.mark.needs("mailbox_layer_messages")
@pytest.mark.both_flavours
async def test_what_is_dropped_after_a_gap_was_given_begins_a_new_one(world: ServerWorld) -> None:
    server, broker = await world.layered_server(mailbox_layer_messages=4)
    async with world.websocket(server=server) as (socket, consumer):
        for _ in range(2):
            call = await busy(consumer, socket)
            for number in range(1, 7):
                await broker.deliver(consumer.channel, line(number))
            await taken_in(world, broker, server)
            await call.returns()
            assert [await consumer.given() for _ in range(5)] == [line(1), line(2), line(3), line(4), gap(2)]


@pytest.mark.req("CON-041", "CON-043")
@pytest.mark.needs("mailbox_layer_messages")
@pytest.mark.both_flavours
async def test_a_gap_of_the_layers_finds_room_and_does_not_end_the_count(world: ServerWorld) -> None:
    server, broker = await world.layered_server(mailbox_layer_messages=4)
    async with world.websocket(server=server) as (socket, consumer):
        call = await busy(consumer, socket)
        for number in range(1, 6):
            await broker.deliver(consumer.channel, line(number))
        await broker.deliver(consumer.channel, gap(7, "expired"))
        await broker.deliver(consumer.channel, line(6))
        await taken_in(world, broker, server)
        await call.returns()
        given = [await consumer.given() for _ in range(6)]
        assert given == [*(line(number) for number in range(1, 5)), gap(2), gap(7, "expired")]


@pytest.mark.req("CON-037", "CON-041")
@pytest.mark.both_flavours
async def test_a_hundred_messages_of_the_layer_wait_by_default(world: ServerWorld) -> None:
    server, broker = await world.layered_server()
    async with world.websocket(server=server) as (socket, consumer):
        call = await busy(consumer, socket)
        for number in range(103):
            await broker.deliver(consumer.channel, line(number))
        await taken_in(world, broker, server)
        await call.returns()
        given = [await consumer.given() for _ in range(101)]
        assert given == [*(line(number) for number in range(100)), gap(3)]


@pytest.mark.req("CON-037", "CON-039", "CON-041", "SRV-033")
@pytest.mark.needs("mailbox_layer_bytes")
@pytest.mark.both_flavours
async def test_the_layer_side_is_bounded_in_bytes(world: ServerWorld) -> None:
    server, broker = await world.layered_server(mailbox_layer_bytes=10 * KIB)
    async with world.websocket(server=server) as (socket, consumer):
        call = await busy(consumer, socket)
        for letter in "abc":  # text and bytes count, at any depth
            value = {"deep": [letter * 2 * KIB, letter.encode() * 2 * KIB]}
            await broker.deliver(consumer.channel, {"type": "test.large", "value": value})
        await taken_in(world, broker, server)
        await call.returns()
        assert [(await consumer.given())["value"]["deep"][0][0] for _ in range(2)] == ["a", "b"]
        assert await consumer.given() == gap(1)


@pytest.mark.req("CON-038")
@pytest.mark.needs("mailbox_layer_bytes")
@pytest.mark.both_flavours
async def test_one_message_larger_than_the_bound_finds_an_empty_side(world: ServerWorld) -> None:
    server, broker = await world.layered_server(mailbox_layer_bytes=10 * KIB)
    async with world.websocket(server=server) as (socket, consumer):
        call = await busy(consumer, socket)
        large = {"type": "test.large", "value": "x" * 20 * KIB}
        await broker.deliver(consumer.channel, large)
        await broker.deliver(consumer.channel, line(1))
        await taken_in(world, broker, server)
        await call.returns()
        assert await consumer.given() == large
        assert await consumer.given() == gap(1)


@pytest.mark.req("CON-037", "CON-040")
@pytest.mark.needs("mailbox_socket_messages")
@pytest.mark.both_flavours
async def test_the_server_does_not_read_on_while_the_socket_side_is_full(world: ServerWorld) -> None:
    server = await world.server(mailbox_socket_messages=2)
    async with world.websocket(server=server, send_buffer=8 * KIB, receive_buffer=8 * KIB) as (socket, consumer):
        call = await busy(consumer, socket)
        one = text("x" * 16 * KIB)
        taken = await socket.client.stuff(one * 2048)  # 32 MiB: more than any buffer of bounded size
        assert taken < 2048 * len(one), "the server has read all, though its consumer has taken nothing"
        await call.returns()
        for _ in range(10):
            assert len((await consumer.given("websocket.receive"))["text"]) == 16 * KIB


@pytest.mark.req("CON-040")
@pytest.mark.needs("mailbox_socket_bytes")
@pytest.mark.both_flavours
async def test_the_socket_side_is_bounded_in_bytes(world: ServerWorld) -> None:
    server = await world.server(mailbox_socket_bytes=8 * KIB)
    async with world.websocket(server=server, send_buffer=8 * KIB, receive_buffer=8 * KIB) as (socket, consumer):
        call = await busy(consumer, socket)
        one = text("x" * 4 * KIB)
        taken = await socket.client.stuff(one * 8192)
        assert taken < 8192 * len(one), "the server has read all, though its consumer has taken nothing"
        await call.returns()
        for _ in range(10):
            assert len((await consumer.given("websocket.receive"))["text"]) == 4 * KIB


@pytest.mark.req("CON-048", "CON-049", "CON-077")
@pytest.mark.needs("mailbox_layer_messages")
@pytest.mark.both_flavours
async def test_a_servers_message_finds_room_goes_before_the_layers_and_behind_the_sockets(world: ServerWorld) -> None:
    server, broker = await world.layered_server(mailbox_layer_messages=4)
    async with world.websocket(server=server) as (socket, consumer):
        call = await busy(consumer, socket)
        for number in range(1, 6):
            await broker.deliver(consumer.channel, line(number))
        await socket.send(text("1"))
        await socket.send(text("2"))
        await taken_in(world, broker, server)
        await call.send(wake(0))
        async with world.websocket("/neighbour", server=server) as (other, neighbour):
            later = await busy(neighbour, other)
            await later.send(wake(0))
            await later.returns()
            await neighbour.given("server.wake")  # it was to be woken later than the first
        await call.returns()
        given = [await consumer.given() for _ in range(8)]
        assert [one["type"] for one in given[:3]] == ["websocket.receive", "websocket.receive", "server.wake"]
        assert given[3:] == [*(line(number) for number in range(1, 5)), gap(1)]


@pytest.mark.req("CON-045")
@pytest.mark.waits
@pytest.mark.both_flavours
async def test_what_waits_in_a_mailbox_does_not_expire(world: ServerWorld) -> None:
    broker = world.broker("ShortLived")
    server = await world.own_server(layer=broker)
    async with world.websocket(server=server) as (socket, consumer):
        call = await busy(consumer, socket)
        assert await call.attribute("expiry") == 0.1
        await broker.deliver(consumer.channel, line(1))
        await anyio.sleep(1)
        await call.returns()
        assert await consumer.given() == line(1)

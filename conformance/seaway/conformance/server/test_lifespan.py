"""The consumer for the life of a server process."""

from __future__ import annotations

import signal

import pytest

from seaway.conformance.applications import SECRET
from seaway.conformance.server.values import OK, line, wake
from seaway.conformance.serving.world import ServerWorld

pytestmark = [pytest.mark.needs("http", "lifespan")]


@pytest.mark.req("LIF-001", "LIF-003", "LIF-004", "LIF-005", "CON-006")
@pytest.mark.both_flavours
async def test_nobody_is_accepted_before_the_start_up_has_returned(world: ServerWorld) -> None:
    server = await world.own_server("lifespan", wait=False)
    life = await world.lifespan()
    call = await life.called("lifespan.startup")
    assert call.message["extensions"]["interface"] == "1.0"
    await world.silence()
    assert not await server.listens(), "a connection was accepted before the start-up has returned"
    await call.returns()
    await server.ready(4 * world.limits.deadline)
    async with world.request(server=server) as (client, call):
        await call.send(OK)
        assert (await client.response()).status == 200
        await call.returns()
    assert await world.application_calls(server, 2) == ["lifespan", "http"]


@pytest.mark.req("LIF-006", "LIF-007", "CON-026")
@pytest.mark.both_flavours
async def test_the_layer_is_open_at_the_start_up_and_its_messages_come_after_it(world: ServerWorld) -> None:
    server = await world.own_server("lifespan", wait=False)
    life = await world.lifespan()
    call = await life.called("lifespan.startup")
    await call.layer("group_add", "settings", life.channel)
    await call.layer("send_group", "settings", line(1))
    await call.layer("send", life.channel, line(2))
    await world.silence()
    assert len(life.calls) == 1
    await call.returns()
    assert await life.given() == line(1)
    assert await life.given() == line(2)
    await server.ready(4 * world.limits.deadline)
    async with world.request(server=server) as (_, call):
        await call.layer("send_group", "settings", line(3))
        assert await life.given() == line(3)
        await call.returns()


@pytest.mark.req("LIF-008", "CON-046", "CON-056")
@pytest.mark.needs("signals")
@pytest.mark.both_flavours
async def test_a_start_up_that_raises_is_shut_down_and_the_server_exits_with_the_error(world: ServerWorld) -> None:
    server = await world.own_server("lifespan", wait=False)
    server.may_end()
    life = await world.lifespan()
    call = await life.called("lifespan.startup")
    await call.raises("Deliberate", SECRET)
    assert (await life.given())["type"] == "lifespan.shutdown"
    assert await server.exit_code(2 * world.limits.deadline) != 0
    assert SECRET in server.output()


@pytest.mark.req("LIF-009")
@pytest.mark.needs("signals")
@pytest.mark.both_flavours
async def test_an_application_call_for_the_lifespan_that_raises_ends_the_server(world: ServerWorld) -> None:
    server = await world.own_server("raising_lifespan", wait=False)
    server.may_end()
    assert await server.exit_code(4 * world.limits.deadline) != 0
    assert SECRET in server.output()


@pytest.mark.req("LIF-010", "SRV-011")
@pytest.mark.needs("signals", "grace")
@pytest.mark.both_flavours
async def test_a_later_call_that_raises_shuts_the_server_down_in_order(world: ServerWorld) -> None:
    server = await world.own_server("lifespan", wait=False, grace=30)
    life = await world.lifespan()
    call = await life.called("lifespan.startup")
    await call.returns()
    await server.ready(4 * world.limits.deadline)
    server.may_end()
    async with world.request(server=server) as (client, request):
        await request.layer("send", life.channel, line(1))
        call = await life.called("test.line")
        await call.raises("Deliberate", SECRET)
        await request.returns()
        drain = await request.consumer.called("server.drain")
        await drain.send(OK)
        assert (await client.response()).status == 200, "the request could not be completed"
        await drain.returns()
        await request.consumer.given("http.disconnect")
    assert (await life.given())["type"] == "lifespan.shutdown"
    assert await server.exit_code(2 * world.limits.deadline) != 0


@pytest.mark.req("LIF-002", "LIF-011", "SRV-008", "SRV-011")
@pytest.mark.needs("signals", "layer", "grace")
@pytest.mark.both_flavours
async def test_the_shutdown_comes_after_every_other_consumer_has_ended_and_before_the_layer_is_closed(
    world: ServerWorld,
) -> None:
    broker = world.broker()
    server = await world.own_server("lifespan", layer=broker, wait=False, grace=30)
    life = await world.lifespan()
    await life.given("lifespan.startup")
    await server.ready(4 * world.limits.deadline)
    async with world.request(server=server) as (client, request):
        server.signal(signal.SIGTERM)
        assert (await life.given())["type"] == "server.drain"
        await request.send(OK)
        await client.response()
        await request.returns()
        last = await request.consumer.called()
        while last.type != "http.disconnect":
            await last.returns()
            last = await request.consumer.called()
        await world.silence()
        assert len(life.calls) == 2, "lifespan.shutdown was given while another consumer was alive"
        await last.returns()
    call = await life.called("lifespan.shutdown")
    assert call.message == {"type": "lifespan.shutdown"}
    assert ("close",) not in broker.calls, "the layer was closed before lifespan.shutdown has returned"
    await call.layer("send", "somewhere", line(1))
    await call.returns()
    assert await server.exit_code(2 * world.limits.deadline) == 0


@pytest.mark.req("LIF-012", "SRV-025")
@pytest.mark.both_flavours
async def test_a_lifespan_consumer_sends_nothing_but_its_wish_to_be_woken(world: ServerWorld) -> None:
    await world.own_server("lifespan", wait=False)
    life = await world.lifespan()
    call = await life.called("lifespan.startup")
    for message in (OK, {"type": "websocket.accept"}, {"type": "lifespan.startup"}, {"type": "test.message"}):
        await call.refused(message)
    await call.send(wake(0))
    await call.returns()
    assert await life.given() == {"type": "server.wake"}


@pytest.mark.req("SRV-028")
@pytest.mark.needs("max_consumers")
async def test_the_lifespan_consumer_takes_no_place(world: ServerWorld) -> None:
    server = await world.own_server("lifespan", wait=False, max_consumers=1)
    await (await world.lifespan()).given("lifespan.startup")
    await server.ready(4 * world.limits.deadline)
    async with world.request(server=server) as (client, call):
        await call.send(OK)
        assert (await client.response()).status == 200
        await call.returns()

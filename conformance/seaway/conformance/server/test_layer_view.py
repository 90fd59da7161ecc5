"""The part of the layer that a consumer gets."""

from __future__ import annotations

import pytest

from seaway.conformance.server.values import OK, line
from seaway.conformance.serving.world import ServerWorld

pytestmark = pytest.mark.needs("http")

METHODS = ("send", "send_group", "group_add", "group_discard")
ATTRIBUTES = ("is_async", "interface", "extensions", "capacity", "expiry", "max_message_size")
WITHHELD = {
    "receive": (["work"],),
    "new_channel": ("here!",),
    "close_channel": ("here!",),
    "flush": (),
    "statistics": (),
    "close": (),
}


@pytest.mark.req("CON-019")
@pytest.mark.both_flavours
async def test_a_view_has_its_methods_and_attributes(world: ServerWorld) -> None:
    async with world.request() as (client, call):
        for name in (*METHODS, *ATTRIBUTES, "ChannelFull", "MessageTooLarge"):
            await call.attribute(name)
        for name in METHODS:
            channel = call.consumer.channel
            arguments = ("somewhere", line(1)) if name.startswith("send") else (world.token, channel)
            assert await call.layer(name, *arguments) is None
        await call.send(OK)
        await client.response()
        await call.returns()


@pytest.mark.req("CON-020")
@pytest.mark.needs("layer")
@pytest.mark.both_flavours
async def test_the_attributes_of_a_view_are_the_layers(world: ServerWorld) -> None:
    server, _ = await world.layered_server()
    async with world.request(server=server) as (_, call):
        found = {name: await call.attribute(name) for name in ("interface", "capacity", "expiry", "max_message_size")}
        assert found == {"interface": "1.0", "capacity": 77, "expiry": 33.0, "max_message_size": 123_456}
        assert await call.attribute("is_async") is (world.flavour == "asynchronous")
        await call.returns()


@pytest.mark.req("CON-021")
@pytest.mark.needs("layer")
@pytest.mark.both_flavours
async def test_what_a_view_withholds_raises_whatever_extensions_the_layer_has(world: ServerWorld) -> None:
    server, _ = await world.layered_server()  # the suite's layer announces flush and statistics
    async with world.request(server=server) as (_, call):
        for name, arguments in WITHHELD.items():
            await call.layer_refused("RuntimeError", name, *arguments)
        await call.returns()


@pytest.mark.req("CON-021")
@pytest.mark.both_flavours
async def test_what_a_view_withholds_raises(world: ServerWorld) -> None:
    async with world.request() as (_, call):
        for name, arguments in WITHHELD.items():
            await call.layer_refused("RuntimeError", name, *arguments)
        await call.returns()


@pytest.mark.req("CON-022")
@pytest.mark.both_flavours
async def test_a_consumer_joins_and_leaves_groups_with_its_own_channel_only(world: ServerWorld) -> None:
    async with world.request() as (_, other), world.request() as (_, call):
        for name in ("group_add", "group_discard"):
            await call.layer_refused("ValueError", name, world.token, other.consumer.channel)
            await call.layer_refused("ValueError", name, world.token, "somewhere")
        await call.layer("group_add", world.token, call.consumer.channel)
        await call.layer("send_group", world.token, line(1))
        await call.returns()
        assert await call.consumer.given("test.line") == line(1)
        await other.returns()


@pytest.mark.req("CON-023")
@pytest.mark.needs("layer")
@pytest.mark.both_flavours
async def test_after_its_end_a_consumer_joins_no_group(world: ServerWorld) -> None:
    server, broker = await world.layered_server()
    async with world.request(server=server) as (client, call):
        outside = await call.outside()
        await call.send(OK)
        await client.response()
        await call.returns()
    await call.consumer.disconnected()
    await broker.seen("close_channel", call.consumer.channel)
    await outside.layer_refused("RuntimeError", "group_add", world.token, call.consumer.channel)
    assert await broker.members(world.token) == []
    assert await outside.layer("send", "somewhere", line(1)) is None
    assert await outside.layer("send_group", world.token, line(1)) is None
    assert await outside.layer("group_discard", world.token, call.consumer.channel) is None


@pytest.mark.req("CON-027")
@pytest.mark.needs("layer")
@pytest.mark.both_flavours
async def test_the_channel_of_a_consumer_that_has_ended_is_closed(world: ServerWorld) -> None:
    server, broker = await world.layered_server()
    async with world.request(server=server) as (client, call):
        await call.layer("group_add", world.token, call.consumer.channel)
        await call.send(OK)
        await client.response()
        await call.returns()
        last = await call.consumer.called("http.disconnect")
        assert ("close_channel", call.consumer.channel) not in broker.calls, "closed before the consumer has ended"
        await last.returns()
        await broker.seen("close_channel", call.consumer.channel)
    assert await broker.members(world.token) == []


@pytest.mark.req("CON-027")
@pytest.mark.needs("layer")
@pytest.mark.both_flavours
async def test_the_channel_of_an_application_call_that_failed_is_closed(world: ServerWorld) -> None:
    broker = world.broker()
    server = await world.own_server("raising", layer=broker)
    async with world.client(server) as client:
        assert (await client.ask()).status == 500
    await world.application_calls(server, 1)
    await broker.seen("close_channel", server.applications.calls[0]["channel"])


@pytest.mark.req("CON-024")
@pytest.mark.needs("layer")
@pytest.mark.both_flavours
async def test_a_consumers_channel_is_under_an_inbox_of_the_server(world: ServerWorld) -> None:
    server, broker = await world.layered_server()
    async with world.request(server=server) as (_, call):
        inbox, _, local = call.consumer.channel.partition("!")
        assert ("new_channel", f"{inbox}!") in broker.calls
        assert local
        await call.returns()

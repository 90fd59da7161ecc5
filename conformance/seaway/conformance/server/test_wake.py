"""A consumer that asks to be called again."""

from __future__ import annotations

import anyio
import pytest

from seaway.conformance.client.websocket import text
from seaway.conformance.server.values import OK, wake
from seaway.conformance.serving.world import ServerWorld

LATER = 0.3  # seconds
MUCH_LATER = 3  # so that a part of it is told from the whole, on a slow machine too
WOKEN = {"type": "server.wake"}
FAR = 3600

pytestmark = pytest.mark.needs("websocket")


@pytest.mark.req("SRV-019", "SRV-020", "SRV-021", "SRV-022")
@pytest.mark.waits
@pytest.mark.both_flavours
async def test_it_is_woken_once_and_not_too_soon(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer):
        await socket.send(text("go"))
        call = await consumer.called()
        began = anyio.current_time()
        await call.send(wake(MUCH_LATER))
        await call.returns()
        assert await consumer.given() == WOKEN
        assert anyio.current_time() - began >= MUCH_LATER, "woken too soon"
        await anyio.sleep(2 * LATER)
        await socket.send(text("anything else?"))
        assert (await consumer.given())["type"] == "websocket.receive", "woken twice"


@pytest.mark.req("SRV-020")
@pytest.mark.needs("http")
@pytest.mark.waits
@pytest.mark.both_flavours
async def test_it_is_woken_by_whole_numbers_and_while_its_first_answer_is_owing(world: ServerWorld) -> None:
    async with world.request() as (client, call):
        await call.send(wake(1))
        await call.returns()
        woken = await call.consumer.called("server.wake")
        await woken.send(OK)
        assert (await client.response()).status == 200
        await woken.returns()


@pytest.mark.req("SRV-023")
@pytest.mark.waits
@pytest.mark.both_flavours
async def test_a_later_wish_replaces_an_earlier_one(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer):
        await socket.send(text("go"))
        call = await consumer.called()
        began = anyio.current_time()
        await call.send(wake(0.01))
        await call.send(wake(FAR))
        await call.send(wake(LATER))
        await call.returns()
        assert await consumer.given() == WOKEN
        assert anyio.current_time() - began >= LATER, "the earlier wish was kept"
        await socket.send(text("anything else?"))
        assert (await consumer.given())["type"] == "websocket.receive"


@pytest.mark.req("SRV-023", "SRV-024")
@pytest.mark.both_flavours
async def test_a_wish_that_is_filed_already_is_replaced_and_cancelled(world: ServerWorld) -> None:
    for after in (FAR, None):
        async with world.websocket() as (socket, consumer):
            await socket.send(text("go"))
            call = await consumer.called()
            await call.send(wake(0))
            await world.silence()
            await call.send(wake(after))
            await call.returns()
            await socket.send(text("anything else?"))
            assert (await consumer.given())["type"] == "websocket.receive", f"woken after {after!r} took its place"


@pytest.mark.req("SRV-024")
@pytest.mark.waits
@pytest.mark.both_flavours
async def test_a_wish_is_cancelled(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer):
        await socket.send(text("go"))
        call = await consumer.called()
        await call.send(wake(LATER))
        await call.send(wake(None))
        await call.send(wake(None))
        await call.returns()
        await anyio.sleep(2 * LATER)
        await socket.send(text("anything else?"))
        assert (await consumer.given())["type"] == "websocket.receive", "woken after all"


@pytest.mark.req("SRV-025")
@pytest.mark.both_flavours
async def test_after_the_terminal_message_was_filed_there_is_no_waking(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer):
        await socket.send(text("go"))
        call = await consumer.called()
        await call.send({"type": "websocket.close"})
        await call.refused(wake(0), "ConnectionError")
        await call.returns()
        last = await consumer.called("websocket.disconnect")
        await last.refused(wake(0), "ConnectionError")
        await last.returns()


@pytest.mark.req("SRV-020", "CON-047")
@pytest.mark.waits
@pytest.mark.both_flavours
async def test_a_consumer_that_has_ended_is_not_woken(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer):
        await socket.send(text("go"))
        call = await consumer.called()
        await call.send(wake(LATER))
        await call.returns()
        await socket.close()
        await consumer.disconnected()
        await anyio.sleep(2 * LATER)
        assert consumer.calls[-1].type == "websocket.disconnect", f"called again: {consumer.calls[-1]!r}"

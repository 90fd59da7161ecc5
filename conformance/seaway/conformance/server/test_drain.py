"""How a server ends: what it tells, what it lets finish, and what it does when the grace is over."""

from __future__ import annotations

import signal

import anyio
import pytest

from seaway.conformance.client.http import IncompleteError
from seaway.conformance.client.websocket import CLOSE, handshake, text
from seaway.conformance.server.values import OK, line, said, validate
from seaway.conformance.serving.consumer import Consumer
from seaway.conformance.serving.world import ServerWorld

GRACE = 30  # so long only a test that fails waits for it
SHORT = 1
BEGIN = {"type": "http.response", "status": 200, "body": b"part", "more_body": True}

pytestmark = pytest.mark.needs("http", "websocket", "signals", "grace")


async def drained(consumer: Consumer) -> None:
    """The next call must be the one with ``server.drain``; it returns."""
    message = await consumer.given("server.drain")
    assert message["reason"] == "shutdown"


@pytest.mark.req("SRV-001", "SRV-002", "SRV-003", "SRV-004", "SRV-005", "SRV-011")
@pytest.mark.both_flavours
async def test_every_consumer_is_told_once_and_websockets_are_closed_with_1012(world: ServerWorld) -> None:
    server = await world.own_server(grace=GRACE)
    async with (
        world.websocket(server=server) as (first, one),
        world.websocket(server=server) as (second, other),
        world.request(server=server) as (client, request),
    ):
        await request.returns()
        server.signal(signal.SIGTERM)
        for consumer in (one, other, request.consumer):
            call = await consumer.called("server.drain")
            validate(call.message)
            assert call.message["reason"] == "shutdown"
            assert 0 <= call.message["grace"] <= GRACE
            if consumer is request.consumer:
                await call.send(OK)
            await call.returns()
        assert (await client.response()).status == 200
        assert await first.closed() == 1012
        assert await second.closed() == 1012
        for consumer in (one, other):
            message = await consumer.given()
            assert (message["type"], message["code"]) == ("websocket.disconnect", 1012), "told twice?"
        await request.consumer.given("http.disconnect")
    assert await server.exit_code(GRACE + world.limits.deadline) == 0


@pytest.mark.req("SRV-008", "SRV-010")
async def test_each_signal_begins_the_shutdown_and_nobody_is_accepted_any_more(world: ServerWorld) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        server = await world.own_server(grace=GRACE)
        async with world.websocket(server=server) as (socket, consumer):
            server.signal(number)
            call = await consumer.called("server.drain")
            assert not await server.listens(), f"a connection was accepted after {number.name}"
            await call.returns()
            assert await socket.closed() == 1012
            await consumer.given("websocket.disconnect")
        assert await server.exit_code(GRACE + world.limits.deadline) == 0


@pytest.mark.req("SRV-006", "SRV-013")
@pytest.mark.both_flavours
async def test_between_the_drain_and_the_close_a_websocket_is_as_usable_as_before(world: ServerWorld) -> None:
    server = await world.own_server(grace=GRACE)
    async with world.websocket(server=server) as (socket, consumer):
        server.signal(signal.SIGTERM)
        call = await consumer.called("server.drain")
        await call.send(said("reconnect"))
        assert await socket.message() == "reconnect"
        await socket.send(text("one more thing"))
        await call.layer("send", consumer.channel, line(1))
        await world.silence()
        await call.returns()
        kinds = set()
        for _ in range(2):
            call = await consumer.called()
            kinds.add(call.type)
            await call.send(said(call.type))
            assert await socket.message() == call.type, "closed while a call of its consumer runs"
            await call.returns()
        assert kinds == {"websocket.receive", "test.line"}
        assert await socket.closed() == 1012
        await consumer.given("websocket.disconnect")


@pytest.mark.req("SRV-006")
@pytest.mark.both_flavours
async def test_a_websocket_whose_consumer_is_busy_is_not_closed_before_the_grace_ends(world: ServerWorld) -> None:
    server = await world.own_server(grace=GRACE)
    async with world.websocket(server=server) as (socket, consumer):
        await socket.send(text("work"))
        call = await consumer.called("websocket.receive")
        server.signal(signal.SIGTERM)
        await gone(server)
        await anyio.sleep(4 * world.limits.silence)
        await call.send(said("done"))
        await call.returns()
        assert await socket.message() == "done"
        await drained(consumer)
        assert await socket.closed() == 1012
        await consumer.given("websocket.disconnect")


async def gone(server: object) -> None:
    """Return when *server* listens no more."""
    while await server.listens():  # type: ignore[attr-defined]
        await anyio.sleep(0.01)


@pytest.mark.req("SRV-007", "SRV-013", "HTTP-035")
@pytest.mark.both_flavours
async def test_a_request_that_is_under_way_is_completed_and_says_that_the_connection_closes(world: ServerWorld) -> None:
    server = await world.own_server(grace=GRACE)
    async with world.request("/1", server=server) as (one, waits), world.request("/2", server=server) as (other, began):
        await waits.returns()
        await began.send(BEGIN)
        server.signal(signal.SIGTERM)
        call = await waits.consumer.called("server.drain")
        await call.send(OK)
        response = await one.response()
        assert response.status == 200
        assert response.closes, "the response does not say that the connection closes"
        await call.returns()
        assert await one.ended() == b""
        await began.send({"type": "http.response.body", "body": b" and the rest"})
        assert (await other.response()).body == b"part and the rest"
        assert await other.ended() == b""
        await began.returns()
        await began.consumer.disconnected()
        await waits.consumer.given("http.disconnect")
    assert await server.exit_code(GRACE + world.limits.deadline) == 0


@pytest.mark.req("SRV-012")
@pytest.mark.needs("header_timeout")
@pytest.mark.both_flavours
async def test_idle_connections_are_closed_and_a_request_that_has_begun_is_served(world: ServerWorld) -> None:
    server = await world.own_server(grace=GRACE, header_timeout=300)  # which would close them, too
    async with world.client(server) as fresh, world.request(server=server) as (idle, call):
        await call.send(OK)
        await idle.response()
        await call.returns()
        await call.consumer.given("http.disconnect")
        async with world.client(server) as begun:
            head = begun.request("/begun")
            await begun.send(head[:20])
            await world.silence()
            server.signal(signal.SIGTERM)
            assert await idle.ended() == b""
            assert await fresh.ended() == b""
            await begun.send(head[20:])
            call = await world.called("http.request")
            await call.send(OK)
            response = await begun.response()
            assert (response.status, response.closes) == (200, True)
            await call.returns()
            await call.consumer.disconnected()
    assert await server.exit_code(GRACE + world.limits.deadline) == 0


@pytest.mark.req("SRV-015", "SRV-016", "CON-046")
@pytest.mark.waits
@pytest.mark.both_flavours
async def test_what_is_left_when_the_grace_ends_is_ended_each_in_its_way(world: ServerWorld) -> None:
    server = await world.own_server(grace=SHORT)
    async with (
        world.request("/waits", server=server) as (one, waits),
        world.request("/begun", server=server) as (two, began),
        world.websocket(server=server) as (socket, busy),
        world.client(server) as four,
    ):
        await four.send(handshake("/", *four.own_fields))
        connecting = await world.called("websocket.connect")
        await began.send(BEGIN)
        await socket.send(text("work"))
        call = await busy.called("websocket.receive")
        for running in (waits, began, connecting):
            await running.free()  # nobody waits for this test, when the grace has ended
            await running.returns()
        server.signal(signal.SIGTERM)
        for running in (waits, began, connecting):
            await running.consumer.called("server.drain")
        assert (await one.response()).status == 503
        with pytest.raises(IncompleteError):
            await two.response()
        assert (await four.response()).status == 503
        assert (await socket.frame()).payload[:2] == (1012).to_bytes(2, "big")
        for running in (waits, began, connecting):
            assert (await running.consumer.called()).type.endswith(".disconnect")
        await call.may_return()
    await server.exit_code(SHORT + 2 * world.limits.deadline)


@pytest.mark.req("SRV-009")
@pytest.mark.both_flavours
async def test_a_second_signal_ends_the_grace_at_once_and_terminal_messages_are_still_given(world: ServerWorld) -> None:
    server = await world.own_server(grace=3600)
    async with (
        world.request(server=server) as (client, request),
        world.websocket(server=server) as (socket, busy),
    ):
        await socket.send(text("work"))
        call = await busy.called("websocket.receive")
        for running in (request, call):
            await running.free()  # nobody waits for this test, when the grace has ended
        await request.returns()
        if world.flavour == "synchronous":  # the server cannot cancel it, and does not wait for it
            await call.returns()
        server.signal(signal.SIGTERM)
        await request.consumer.called("server.drain")
        server.signal(signal.SIGTERM)
        assert (await client.response()).status == 503
        frame = await socket.frame()
        assert (frame.opcode, frame.payload[:2]) == (CLOSE, (1012).to_bytes(2, "big"))
        await request.consumer.called("http.disconnect")
        while (await busy.called()).type != "websocket.disconnect":
            pass
    await server.exit_code(world.limits.deadline)


@pytest.mark.req("SRV-017")
@pytest.mark.needs("async applications")
@pytest.mark.waits
async def test_a_call_that_ignores_its_cancellation_does_not_keep_the_process(world: ServerWorld) -> None:
    server = await world.own_server(flavour="asynchronous", grace=SHORT)
    async with world.request(server=server) as (_, call):
        await call.stays(60)
        server.signal(signal.SIGTERM)
        await server.exit_code(SHORT + 1 + world.limits.deadline)


@pytest.mark.req("SRV-017")
@pytest.mark.needs("sync applications")
@pytest.mark.waits
async def test_a_thread_that_does_not_return_does_not_keep_the_process(world: ServerWorld) -> None:
    server = await world.own_server(flavour="synchronous", grace=SHORT)
    async with world.request(server=server) as (_, call):
        await call.stays(60)
        server.signal(signal.SIGTERM)
        await server.exit_code(SHORT + 1 + world.limits.deadline)

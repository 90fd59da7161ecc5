"""How a WebSocket ends: by its client, by its consumer, by an exception; codes and reasons on both sides."""

from __future__ import annotations

import anyio
import pytest

from seaway.conformance.client.websocket import CLOSE as CLOSE_FRAME
from seaway.conformance.client.websocket import close_frame, text
from seaway.conformance.server.values import ACCEPT, CLOSE, REJECT, SOON, said, validate
from seaway.conformance.serving.world import ServerWorld

pytestmark = pytest.mark.needs("websocket")


@pytest.mark.req("WS-045", "WS-008", "WS-009", "WS-003")
@pytest.mark.both_flavours
async def test_a_clients_close_is_answered_with_its_code_and_told_to_the_consumer(world: ServerWorld) -> None:
    for code, reason in ((1000, "bye"), (1001, ""), (1011, ""), (1014, ""), (3000, "é" * 61), (4999, ""), (None, "")):
        async with world.websocket() as (socket, consumer):
            await socket.send(close_frame(code, reason.encode()))
            answer = await socket.frame()
            assert answer.opcode == CLOSE_FRAME
            assert answer.payload[:2] == (b"" if code is None else code.to_bytes(2, "big"))
            assert await socket.client.ended() == b""
            message = await consumer.given("websocket.disconnect")
            validate(message, "to-consumer")
            assert (message["code"], message.get("reason", "")) == (code or 1005, reason)


@pytest.mark.req("WS-045")
@pytest.mark.both_flavours
async def test_a_clients_close_is_answered_while_a_call_runs(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer):
        await socket.send(text("a"))
        call = await consumer.called("websocket.receive")
        assert await socket.close(4000) == 4000
        await call.returns()
        assert (await consumer.given("websocket.disconnect"))["code"] == 4000


@pytest.mark.req("WS-010")
@pytest.mark.both_flavours
async def test_a_connection_that_ends_without_a_close_frame_is_1006(world: ServerWorld) -> None:
    for way in ("finish", "reset"):
        async with world.websocket() as (socket, consumer):
            getattr(socket.client, way)()
            message = await consumer.given("websocket.disconnect")
            assert (message["code"], message.get("reason", "")) == (1006, ""), way


@pytest.mark.req("WS-024", "WS-008", "CON-051")
@pytest.mark.both_flavours
async def test_a_consumers_close_is_on_the_wire_and_its_last_call_waits_for_nobody(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer):
        await socket.send(text("a"))
        call = await consumer.called("websocket.receive")
        await call.send(said("last words"))
        await call.send({"type": "websocket.close", "code": 4001, "reason": "room closed"})
        assert await socket.message() == "last words"
        received = await socket.frame()
        assert (received.opcode, received.payload) == (CLOSE_FRAME, (4001).to_bytes(2, "big") + b"room closed")
        await socket.send(text("too late") * 10)
        await call.returns()
        message = await consumer.given("websocket.disconnect")
        assert (message["code"], message["reason"]) == (4001, "room closed")
        await socket.send(close_frame(1000))
        assert await socket.client.ended() == b""


@pytest.mark.req("WS-024")
@pytest.mark.both_flavours
async def test_what_was_filed_before_the_close_is_given(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer):
        await socket.send(text("1"))
        call = await consumer.called("websocket.receive")
        await socket.send(text("2") + text("3"))
        await world.silence()
        await call.send(CLOSE)
        await socket.send(text("4"))
        assert await socket.closed() == 1000
        await call.returns()
        types = []
        while "websocket.disconnect" not in types:
            types.append((await consumer.given())["type"])
        assert types in (
            ["websocket.receive", "websocket.receive", "websocket.disconnect"],
            ["websocket.disconnect"],  # the server had not read them yet
        )


@pytest.mark.req("WS-015")
@pytest.mark.both_flavours
async def test_a_websocket_is_accepted_once_and_closed_once(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer):
        await socket.send(text("a"))
        call = await consumer.called("websocket.receive")
        for wrong in (ACCEPT, REJECT, {"type": "http.response", "status": 200}):
            await call.refused(wrong)
        for code in (999, 1004, 1005, 1006, 1015, 2999, 5000, "1000", 1000.5):
            await call.refused({"type": "websocket.close", "code": code})
        await call.refused({"type": "websocket.close", "reason": "é" * 62})
        await call.send({"type": "websocket.close", "code": 1014, "reason": "é" * 61})
        for message in (ACCEPT, REJECT, said("late"), CLOSE):
            await call.refused(message, "ValueError")
        assert await socket.closed() == 1014
        await call.returns()
        last = await consumer.called("websocket.disconnect")
        for message in (ACCEPT, REJECT, said("late"), CLOSE):
            await last.refused(message, "ValueError")
        await last.returns()


@pytest.mark.req("WS-016")
@pytest.mark.both_flavours
async def test_to_send_to_a_client_that_has_gone_is_no_error_of_the_program(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer):
        await socket.send(text("a"))
        call = await consumer.called("websocket.receive")
        assert await socket.close(1000) == 1000
        for message in (ACCEPT, REJECT, said("late"), CLOSE):
            await call.refused(message, "ConnectionError")
        await call.returns()
        last = await consumer.called("websocket.disconnect")
        beside = await last.outside()
        await last.refused(said("late"), "ConnectionError")
        await last.returns()
        await beside.refused(said("later"), "ConnectionError")


@pytest.mark.req("WS-025")
@pytest.mark.needs("handshake_timeout")
@pytest.mark.waits
async def test_a_close_that_the_client_does_not_answer_is_waited_for_so_long(world: ServerWorld) -> None:
    server = await world.server(handshake_timeout=SOON)
    async with world.websocket(server=server, deadline=SOON + world.limits.deadline) as (socket, consumer):
        await socket.send(text("a"))
        call = await consumer.called("websocket.receive")
        begun = anyio.current_time()
        await call.send(CLOSE)
        await call.returns()
        assert (await consumer.given("websocket.disconnect"))["code"] == 1000
        assert (await socket.frame()).opcode == CLOSE_FRAME
        assert await socket.client.ended() == b""
        assert anyio.current_time() - begun < SOON + world.limits.deadline


@pytest.mark.req("WS-038", "WS-008")
@pytest.mark.both_flavours
async def test_an_exception_closes_with_1011(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer):
        await socket.send(text("a") + text("never given"))
        call = await consumer.called("websocket.receive")
        await call.raises()
        received = await socket.frame()
        assert (received.opcode, received.payload[:2]) == (CLOSE_FRAME, (1011).to_bytes(2, "big"))
        assert b"told to by the suite" not in received.payload
        assert (await consumer.given("websocket.disconnect"))["code"] == 1011


@pytest.mark.req("WS-038", "WS-008")
@pytest.mark.both_flavours
async def test_an_exception_after_a_close_changes_no_code(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer):
        await socket.send(text("a"))
        call = await consumer.called("websocket.receive")
        assert await socket.close(4000) == 4000
        await call.raises()
        assert (await consumer.given("websocket.disconnect"))["code"] == 4000
    async with world.websocket() as (socket, consumer):
        await socket.send(text("a"))
        call = await consumer.called("websocket.receive")
        await call.send({"type": "websocket.close", "code": 4001})
        await call.raises()
        assert await socket.closed() == 4001
        assert (await consumer.given("websocket.disconnect"))["code"] == 4001

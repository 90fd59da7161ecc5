"""How a consumer ends: its terminal message, exactly once, for every cause."""

from __future__ import annotations

import anyio
import pytest

from seaway.conformance.applications import SECRET
from seaway.conformance.client.http import IncompleteError
from seaway.conformance.client.websocket import close_frame, handshake, text
from seaway.conformance.server.values import ACCEPT, CLOSE, OK, REJECT, line, said, wake
from seaway.conformance.serving.consumer import Consumer
from seaway.conformance.serving.world import ServerWorld

ERRORS = ("Deliberate", "ValueError", "SystemExit", "KeyboardInterrupt", "CancelledError", "ConnectionError")
BEGIN = {"type": "http.response", "status": 200, "body": b"part", "more_body": True}


async def over(world: ServerWorld, consumer: Consumer, last: str) -> dict[str, object]:
    """The next call must be the terminal one, and no other may follow; return its message."""
    call = await consumer.called()
    assert call.type == last, f"expected {last}, got {call!r}"
    await call.returns()
    await world.silence()
    assert consumer.calls[-1] is call, f"called after its terminal message: {consumer.calls[-1]!r}"
    return dict(call.message)


@pytest.mark.req("CON-046", "CON-047")
@pytest.mark.needs("http")
@pytest.mark.both_flavours
async def test_a_response_that_is_complete_ends_a_request(world: ServerWorld) -> None:
    async with world.request() as (client, call):
        await call.send(OK)
        await client.response()
        await call.returns()
        await over(world, call.consumer, "http.disconnect")


@pytest.mark.req("CON-046", "CON-047")
@pytest.mark.needs("http")
@pytest.mark.both_flavours
async def test_a_client_that_goes_ends_a_request(world: ServerWorld) -> None:
    async with world.request() as (client, call):
        await call.returns()
        client.close()
        message = await over(world, call.consumer, "http.disconnect")
        assert message.get("complete", False) is False


@pytest.mark.req("CON-046", "CON-047")
@pytest.mark.needs("http")
@pytest.mark.both_flavours
async def test_a_client_that_cuts_a_response_ends_a_request(world: ServerWorld) -> None:
    async with world.request() as (client, call):
        await call.send(BEGIN)
        await client.take(10)
        client.reset()
        await call.returns()
        await over(world, call.consumer, "http.disconnect")


@pytest.mark.req("CON-046", "CON-047")
@pytest.mark.needs("http", "response_timeout")
@pytest.mark.both_flavours
async def test_a_time_out_ends_a_request(world: ServerWorld) -> None:
    server = await world.server(response_timeout=0.5)
    async with world.request(server=server) as (client, call):
        await call.returns()
        assert (await client.response()).status == 503
        await over(world, call.consumer, "http.disconnect")


@pytest.mark.req("CON-046", "CON-047")
@pytest.mark.needs("websocket")
@pytest.mark.both_flavours
async def test_a_client_that_closes_ends_a_websocket(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer):
        await socket.send(close_frame(1000))
        await over(world, consumer, "websocket.disconnect")


@pytest.mark.req("CON-046", "CON-047")
@pytest.mark.needs("websocket")
@pytest.mark.both_flavours
async def test_a_client_that_goes_ends_a_websocket(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer):
        socket.client.reset()
        await over(world, consumer, "websocket.disconnect")


@pytest.mark.req("CON-046", "CON-047", "CON-051")
@pytest.mark.needs("websocket")
@pytest.mark.both_flavours
async def test_its_own_close_ends_a_websocket_without_the_clients_answer(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer):
        await socket.send(text("go"))
        call = await consumer.called()
        await call.send({**CLOSE, "code": 4001})
        await call.returns()
        message = await over(world, consumer, "websocket.disconnect")
        assert message["code"] == 4001
        assert await socket.closed() == 4001


@pytest.mark.req("CON-046", "CON-047", "CON-051")
@pytest.mark.needs("websocket")
@pytest.mark.both_flavours
async def test_its_own_rejection_ends_a_websocket(world: ServerWorld) -> None:
    async with world.client() as client:
        await client.send(handshake("/", *client.own_fields))
        call = await world.called("websocket.connect")
        await call.send(REJECT)
        await call.returns()
        await over(world, call.consumer, "websocket.disconnect")


@pytest.mark.req("CON-046", "CON-047")
@pytest.mark.needs("websocket")
@pytest.mark.both_flavours
async def test_a_client_that_goes_before_the_answer_ends_a_websocket(world: ServerWorld) -> None:
    async with world.client() as client:
        await client.send(handshake("/", *client.own_fields))
        call = await world.called("websocket.connect")
        await call.returns()
        client.close()
        await over(world, call.consumer, "websocket.disconnect")


@pytest.mark.req("CON-046", "CON-047")
@pytest.mark.needs("websocket", "handshake_timeout")
@pytest.mark.both_flavours
async def test_a_time_out_ends_a_handshake(world: ServerWorld) -> None:
    server = await world.server(handshake_timeout=0.5)
    async with world.client(server) as client:
        await client.send(handshake("/", *client.own_fields))
        call = await world.called("websocket.connect")
        await call.returns()
        assert (await client.response()).status == 503
        await over(world, call.consumer, "websocket.disconnect")


@pytest.mark.req("CON-046", "CON-052", "CON-055")
@pytest.mark.needs("http")
@pytest.mark.both_flavours
async def test_every_exception_ends_a_request_with_500_and_then_the_terminal_message(world: ServerWorld) -> None:
    for error in ERRORS:
        async with world.request(f"/{error}") as (client, call):
            await call.raises(error)
            assert (await client.response()).status == 500, error
            message = await over(world, call.consumer, "http.disconnect")
            assert message.get("complete", False) is False, error


@pytest.mark.req("CON-055")
@pytest.mark.needs("http")
@pytest.mark.both_flavours
async def test_every_exception_cuts_a_response_that_has_begun(world: ServerWorld) -> None:
    for error in ERRORS:
        async with world.request(f"/{error}") as (client, call):
            await call.send(BEGIN)
            await call.raises(error)
            with pytest.raises(IncompleteError):
                await client.response()
            await over(world, call.consumer, "http.disconnect")


@pytest.mark.req("CON-046", "CON-052", "CON-055")
@pytest.mark.needs("websocket")
@pytest.mark.both_flavours
async def test_every_exception_ends_a_websocket(world: ServerWorld) -> None:
    for error in ERRORS:
        async with world.client() as client:
            await client.send(handshake("/", *client.own_fields))
            call = await world.called("websocket.connect")
            await call.raises(error)
            assert (await client.response()).status == 500, error
            await over(world, call.consumer, "websocket.disconnect")
        async with world.websocket() as (socket, consumer):
            await socket.send(text("go"))
            await (await consumer.called()).raises(error)
            assert await socket.closed() == 1011, error
            await over(world, consumer, "websocket.disconnect")


@pytest.mark.req("CON-052")
@pytest.mark.needs("websocket")
@pytest.mark.both_flavours
async def test_an_exception_discards_what_waits(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer), world.websocket() as (other, neighbour):
        await socket.send(text("1"))
        call = await consumer.called()
        await socket.send(text("2"))
        await call.layer("send", consumer.channel, line(1))
        await call.send(wake(0))
        await other.send(text("settled"))
        await neighbour.given("websocket.receive")
        await world.silence()
        await call.raises()
        await over(world, consumer, "websocket.disconnect")


@pytest.mark.req("CON-048", "CON-049", "CON-050")
@pytest.mark.needs("websocket")
@pytest.mark.both_flavours
async def test_the_terminal_message_overtakes_the_layers_and_not_the_sockets(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer), world.websocket() as (other, neighbour):
        await socket.send(text("begin"))
        call = await consumer.called()
        await socket.send(text("1"))
        await socket.send(text("2"))
        for number in range(3):
            await call.layer("send", consumer.channel, line(number))
        await other.send(text("settled"))
        await neighbour.given("websocket.receive")
        await socket.send(close_frame(1000))
        await world.silence()
        await call.returns()
        given = [await consumer.given("websocket.receive") for _ in range(2)]
        assert [one["text"] for one in given] == ["1", "2"]
        await over(world, consumer, "websocket.disconnect")


@pytest.mark.req("CON-053")
@pytest.mark.needs("http", "websocket")
@pytest.mark.both_flavours
async def test_an_exception_out_of_the_last_call_is_logged_and_nothing_else(world: ServerWorld) -> None:
    server = await world.own_server()
    async with world.client(server) as client:
        await client.send(client.request())
        call = await world.called()
        await call.send(OK)
        assert (await client.response()).status == 200
        await call.returns()
        last = await call.consumer.called("http.disconnect")
        await last.raises("Deliberate", SECRET)
        await server.logged(SECRET, world.limits.deadline)
        await client.send(client.request())  # the connection is as it was
        call = await world.called()
        await call.send(OK)
        assert (await client.response()).status == 200
        await call.returns()
        await over(world, call.consumer, "http.disconnect")


@pytest.mark.req("CON-056")
@pytest.mark.needs("http")
@pytest.mark.both_flavours
async def test_an_exception_is_logged_once_with_its_traceback(world: ServerWorld) -> None:
    server = await world.own_server()
    for error in ("Deliberate", "SystemExit", "CancelledError"):
        words = f"{SECRET}-{error}"
        async with world.request(server=server) as (client, call):
            await call.raises(error, words)
            assert (await client.response()).status == 500
            await call.consumer.given("http.disconnect")
        log = await server.logged(words, world.limits.deadline)
        assert log.count(words) == 1, log
        assert "Traceback" in log.partition(words)[0]


@pytest.mark.req("CON-057")
@pytest.mark.needs("http", "websocket")
@pytest.mark.both_flavours
async def test_an_exception_affects_no_other_connection_and_not_the_server(world: ServerWorld) -> None:
    server = await world.own_server()
    async with world.websocket(server=server) as (socket, consumer):
        for error in ERRORS:
            async with world.request(server=server) as (client, call):
                await call.raises(error)
                await client.response()
            await socket.send(text(error))
            call = await consumer.called("websocket.receive")
            await call.send(said("here"))
            await call.returns()
            assert await socket.message() == "here"
        assert not server.has_ended


@pytest.mark.req("CON-058")
@pytest.mark.needs("websocket", "grace")
@pytest.mark.both_flavours
async def test_what_its_own_send_raised_after_the_end_counts_as_a_return(world: ServerWorld) -> None:
    server = await world.own_server()
    async with world.websocket(server=server) as (socket, consumer):
        await socket.send(text("go"))
        call = await consumer.called()
        socket.client.reset()
        await call.until_refused(said("anybody?"))  # until the server has seen it
        await call.let_out(said("anybody?"))
        await over(world, consumer, "websocket.disconnect")
    assert "Traceback" not in server.output()


@pytest.mark.req("CON-054", "CON-059", "CON-060", "SRV-033")
@pytest.mark.needs("http", "grace", "async applications")
async def test_a_call_that_outlives_its_connection_by_the_grace_is_cancelled_and_counts_as_returned(
    world: ServerWorld,
) -> None:
    server = await world.own_server(flavour="asynchronous", grace=1)
    async with world.request(server=server) as (client, call):
        began = anyio.current_time()
        client.close()
        ended = await call.ended()
        assert ended is not None
        assert "ancel" in ended.kind, f"expected a cancellation, got {ended}"
        assert anyio.current_time() - began >= 0.9, "cancelled before the grace has passed"
        last = await call.consumer.called("http.disconnect")
        ended = await last.ended()
        assert ended is not None
        assert "ancel" in ended.kind
        assert anyio.current_time() - began >= 1.9, "the call with the terminal message has no grace of its own"
    assert "Traceback" not in server.output()
    async with world.request(server=server) as (client, call):
        await call.send(OK)
        assert (await client.response()).status == 200
        await call.returns()


@pytest.mark.req("CON-061")
@pytest.mark.needs("http", "grace", "max_consumers", "sync applications")
async def test_a_synchronous_call_that_outlives_its_connection_is_logged_and_keeps_its_place(
    world: ServerWorld,
) -> None:
    server = await world.own_server(flavour="synchronous", grace=0.5, max_consumers=1)
    async with world.request("/stuck", server=server) as (client, call):
        client.close()
        await server.logged(call.consumer.channel, world.limits.deadline)
        async with world.client(server) as other:
            assert (await other.ask()).status == 503, "the place of a call that still runs was given away"
        assert call.is_running
        await call.returns()
        await call.consumer.given("http.disconnect")


@pytest.mark.req("CON-051")
@pytest.mark.needs("websocket")
@pytest.mark.both_flavours
async def test_a_disconnect_is_filed_while_a_call_runs(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer):
        await socket.send(text("go"))
        call = await consumer.called()
        await socket.send(close_frame(4000))
        # Filed means that `send` raises from then on (CON-065), though the consumer has not been told.
        assert "ConnectionError" in (await call.until_refused(said("?"))).kinds
        await call.returns()
        assert (await over(world, consumer, "websocket.disconnect"))["code"] == 4000


@pytest.mark.req("CON-065")
@pytest.mark.needs("websocket")
@pytest.mark.both_flavours
async def test_after_the_last_call_send_raises(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer):
        await socket.send(text("go"))
        call = await consumer.called()
        outside = await call.outside()
        await call.returns()
        await socket.close()
        await consumer.given("websocket.disconnect")
        await outside.refused(said("?"), "ConnectionError")
        await outside.refused(ACCEPT, "ConnectionError")
        await outside.refused(wake(1), "ConnectionError")

"""What `send` takes, refuses and waits for."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from seaway.conformance.applications.form import Foreign
from seaway.conformance.client.websocket import WebSocket, handshake, text
from seaway.conformance.server.values import ACCEPT, CLOSE, OK, said, wake
from seaway.conformance.serving.consumer import Call, Pending, Raised
from seaway.conformance.serving.world import ServerWorld

KIB = 1024
LARGE = {"type": "websocket.send", "bytes": bytes(256 * KIB)}


def deep(levels: int) -> Any:
    """Return a message that is so many levels deep."""
    value: Any = []
    for _ in range(levels - 2):
        value = [value]
    return {**OK, "test:deep": value}


BROKEN: dict[str, list[Any]] = {
    "MSG-001": [[], "http.response", {}, {"type": None}, {"type": 1, "status": 200}],
    "MSG-002 or MSG-027 or HTTP-026": [  # such a type breaks them all
        {"type": "response"},
        {"type": "Http.response"},
        {"type": "http.response\n"},
    ],
    "MSG-004": [{**OK, "test:x": 2**63}, {**OK, "test:x": -(2**63) - 1}],
    "MSG-005": [{**OK, "test:x": float("nan")}, {**OK, "test:x": [float("inf")]}],
    "MSG-006": [{**OK, "test:x": "\ud800"}, {**OK, "test:\udfff": 1}],
    "MSG-007": [{**OK, "test:x": {1: 2}}, {**OK, "test:x": {b"a": 2}}],
    "MSG-008": [deep(33)],
    "MSG-009": [{**OK, "$test": 1}, {**OK, "test:x": {"$bytes": ""}}],
    "MSG-003 or MSG-010": [
        {**OK, "test:x": bytearray(b"x")},
        {**OK, "test:x": memoryview(b"x")},
        {**OK, "test:x": [Foreign()]},
    ],
}


@pytest.mark.req("MSG-001", "MSG-002", "MSG-003", "MSG-004", "MSG-005", "MSG-006")
@pytest.mark.req("MSG-007", "MSG-008", "MSG-009", "MSG-010", "MSG-011", "MSG-012")
@pytest.mark.needs("http")
@pytest.mark.both_flavours
async def test_what_is_no_message_is_refused_with_its_requirement_and_changes_nothing(world: ServerWorld) -> None:
    async with world.request() as (client, call):
        for names, messages in BROKEN.items():
            for message in messages:
                raised = await call.refused(message)
                assert any(name in raised.text for name in names.split(" or ")), f"{message!r}: {raised}"
        await call.send(OK)
        assert (await client.response()).body == b"ok"
        await call.returns()


@pytest.mark.req("MSG-001", "MSG-003", "MSG-004", "MSG-008", "MSG-017", "MSG-018")
@pytest.mark.needs("http")
@pytest.mark.both_flavours
async def test_what_is_a_message_is_taken_whatever_else_is_in_it(world: ServerWorld) -> None:
    good = [
        {"type": "http.response", "status": 204},
        {**OK, "vendor:key": [None, True, 2**63 - 1, -(2**63), 1.5, "ü", b"\0", ("a", {"b": []})]},
        {**OK, "headers": ((b"x-a", b"1"), [b"x-b", b"2"])},
        deep(32),
        {**OK, "unknown": 1},
    ]
    for message in good:
        async with world.request() as (client, call):
            await call.send(message)
            assert (await client.response()).status == message["status"]
            await call.returns()


@pytest.mark.req("MSG-013", "SEC-012")
@pytest.mark.needs("http")
async def test_an_error_names_the_field_and_quotes_little(world: ServerWorld) -> None:
    async with world.request() as (_, call):
        raised = await call.refused({**OK, "test:sizes": [64, float("nan")]})
        assert "test:sizes[1]" in raised.text
        raised = await call.refused({**OK, "status": "x" * 5000})
        assert "status" in raised.text
        assert "x" * 201 not in raised.text
        await call.returns()


@pytest.mark.req("MSG-027")
@pytest.mark.needs("http")
@pytest.mark.both_flavours
async def test_what_is_not_valid_under_its_schema_is_refused(world: ServerWorld) -> None:
    async with world.request() as (client, call):
        for message in (
            {"type": "http.response"},
            {**OK, "status": "200"},
            {**OK, "status": True},
            {**OK, "body": "text"},
            {**OK, "body": bytearray(b"bytes")},
            {**OK, "headers": [b"x-a: 1"]},
            {**OK, "headers": [(b"x-a", b"1", b"2")]},
            {**OK, "more_body": 1},
            {"type": "http.made_up"},
            {"type": "test.message"},
            {"type": "websocket.accept"},
            {"type": "http.request"},
            {"type": "http.disconnect"},
            {"type": "server.drain", "reason": "shutdown", "grace": 1},
            {"type": "server.wake"},
            {"type": "server.wake", "after": -1},
            {"type": "server.wake", "after": "1"},
        ):
            await call.refused(message)
        await call.send(OK)
        assert (await client.response()).body == b"ok"
        await call.returns()


@pytest.mark.req("CON-066", "CON-067")
@pytest.mark.needs("http")
@pytest.mark.both_flavours
async def test_a_message_that_the_state_of_a_request_does_not_allow_changes_nothing(world: ServerWorld) -> None:
    begin = {"type": "http.response", "status": 200, "body": b"one ", "more_body": True}
    more = {"type": "http.response.body", "body": b"two", "more_body": False}
    async with world.request() as (client, call):
        await call.refused(more)
        await call.refused({"type": "http.response.trailers"})
        await call.send(begin)
        await call.refused(begin)
        await call.refused({"type": "http.response.informational", "status": 103})
        await call.refused({"type": "http.response.trailers"})
        await call.send(more)
        await call.refused(more)
        await call.refused(OK)
        assert (await client.response()).body == b"one two"
        await call.returns()
        assert (await client_goes_on(world, client)) == b"ok"


async def client_goes_on(world: ServerWorld, client: Any) -> bytes:
    """Return the body of a further response on the connection."""
    await client.send(client.request("/next"))
    call = await world.called("http.request")
    await call.send(OK)
    response = await client.response()
    await call.returns()
    return bytes(response.body)


@pytest.mark.req("CON-066", "CON-067")
@pytest.mark.needs("websocket")
@pytest.mark.both_flavours
async def test_a_message_that_the_state_of_a_websocket_does_not_allow_changes_nothing(world: ServerWorld) -> None:
    async with world.client() as client:
        await client.send(handshake("/", *client.own_fields))
        call = await world.called("websocket.connect")
        await call.refused(CLOSE)
        await call.send(ACCEPT)
        await call.refused(ACCEPT)
        await call.refused({"type": "websocket.reject"})
        await call.refused({"type": "websocket.send"})
        await call.refused({"type": "websocket.send", "text": "a", "bytes": b"b"})
        await call.refused({"type": "websocket.close", "code": 1005})
        await call.send(said("still open"))
        assert (await client.response()).status == 101
        socket = WebSocket(client, None)  # type: ignore[arg-type]
        assert await socket.message() == "still open"
        await call.send(CLOSE)
        await call.refused(said("too late"))
        await call.returns()
        assert await socket.closed() == 1000


@pytest.mark.req("CON-063")
@pytest.mark.needs("http")
@pytest.mark.both_flavours
async def test_a_message_may_be_changed_as_soon_as_send_has_returned(world: ServerWorld) -> None:
    async with world.request() as (client, call):
        await call.send({**OK, "headers": [[b"x-kept", b"1"]], "body": b"b" * 300 * KIB}, change=True)
        response = await client.response()
        assert response.field(b"x-kept") == b"1"
        assert response.body == b"b" * 300 * KIB
        await call.returns()


async def clogged(call: Call, limit: int = 256) -> tuple[Pending, int]:
    """Send large messages, of which nobody reads, until `send` waits; return the send that does, and how many went."""
    for number in range(limit):
        pending = await call.start_send(LARGE)
        for _ in range(100):
            if pending.is_done:
                break
            await anyio.sleep(0.005)
        if not pending.is_done:
            return pending, number
        await pending.value()
    raise AssertionError(f"{limit} messages of 256 KiB found room, though the client reads nothing")


@pytest.mark.req("CON-062", "SEC-003")
@pytest.mark.needs("websocket")
@pytest.mark.both_flavours
async def test_send_waits_while_the_client_does_not_read(world: ServerWorld) -> None:
    async with world.websocket(receive_buffer=16 * KIB) as (socket, consumer):
        await socket.send(text("go"))
        call = await consumer.called()
        waiting, count = await clogged(call)
        for _ in range(count + 1):
            assert await socket.message() == LARGE["bytes"]
        await waiting.value()
        await call.returns()


@pytest.mark.req("CON-064", "CON-065", "SRV-033")
@pytest.mark.needs("websocket", "send_timeout")
@pytest.mark.waits
@pytest.mark.both_flavours
async def test_a_client_that_takes_nothing_for_the_send_timeout_is_closed(world: ServerWorld) -> None:
    server = await world.server(send_timeout=2)
    async with world.websocket(server=server, receive_buffer=16 * KIB) as (socket, consumer):
        await socket.send(text("go"))
        call = await consumer.called()
        began = anyio.current_time()
        for _ in range(256):
            outcome = await (await call.start_send(LARGE)).outcome()
            if isinstance(outcome, Raised):
                break
        assert isinstance(outcome, Raised), "64 MiB found room, though the client reads nothing"
        assert "ConnectionError" in outcome.kinds, outcome
        assert anyio.current_time() - began >= 2, "closed before send_timeout"
        await call.returns()
        assert (await consumer.given())["type"] == "websocket.disconnect"
        await socket.client.ended()


@pytest.mark.req("CON-065")
@pytest.mark.needs("websocket")
@pytest.mark.both_flavours
async def test_a_send_that_waits_raises_when_the_client_goes(world: ServerWorld) -> None:
    async with world.websocket(receive_buffer=16 * KIB) as (socket, consumer):
        await socket.send(text("go"))
        call = await consumer.called()
        waiting, _ = await clogged(call)
        socket.client.reset()
        await waiting.raised("ConnectionError")
        await call.refused(said("?"), "ConnectionError")
        await call.returns()
        assert (await consumer.given())["type"] == "websocket.disconnect"


async def _from_many_places(world: ServerWorld, flavour: str) -> None:
    server = await world.server(flavour=flavour)
    async with world.websocket(server=server, receive_buffer=16 * KIB) as (socket, consumer):
        await socket.send(text("go"))
        call = await consumer.called()
        places = [await call.outside() for _ in range(4)]
        sent = [{"type": "websocket.send", "bytes": bytes([number]) * 200 * KIB} for number in range(20)]
        pending = [await places[number % 4].start_send(message) for number, message in enumerate(sent)]
        received = [await socket.message() for _ in sent]
        for one in pending:
            await one.value()
        assert sorted(received) == sorted(one["bytes"] for one in sent), "a message was mixed with another"  # type: ignore[type-var]
        await call.returns()


@pytest.mark.req("CON-068", "CON-070")
@pytest.mark.needs("websocket", "async applications")
async def test_send_may_be_called_from_several_tasks_at_once(world: ServerWorld) -> None:
    await _from_many_places(world, "asynchronous")


@pytest.mark.req("CON-069", "CON-070")
@pytest.mark.needs("websocket", "sync applications")
async def test_send_may_be_called_from_several_threads_at_once(world: ServerWorld) -> None:
    await _from_many_places(world, "synchronous")


@pytest.mark.req("CON-065", "CON-068", "CON-069")
@pytest.mark.needs("websocket")
@pytest.mark.both_flavours
async def test_a_task_of_the_consumers_own_sends_while_no_call_runs(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer):
        await socket.send(text("go"))
        call = await consumer.called()
        outside = await call.outside()
        await call.returns()
        await outside.send(said("from beside"))
        assert await socket.message() == "from beside"
        await outside.send(wake(0))
        assert await consumer.given() == {"type": "server.wake"}

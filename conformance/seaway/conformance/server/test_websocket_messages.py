"""Messages, fragments and control frames, good and bad (RFC 6455, section 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from seaway.conformance.client.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    WebSocket,
    close_frame,
    frame,
    text,
)
from seaway.conformance.server.values import said, validate
from seaway.conformance.serving.consumer import Consumer
from seaway.conformance.serving.world import ServerWorld

pytestmark = pytest.mark.needs("websocket")

_LIMIT = 1_048_576


async def _given(consumer: Consumer) -> Any:
    """Return the text or the bytes of the next message, of which exactly one is there."""
    message = await consumer.given("websocket.receive")
    validate(message, "to-consumer")
    return message["text"] if message.get("text") is not None else message["bytes"]


async def _pong(socket: WebSocket) -> bytes:
    received = await socket.frame()
    assert received.opcode == PONG, f"expected a pong, got {received}"
    return received.payload


@pytest.mark.req("WS-002", "WS-006")
@pytest.mark.both_flavours
async def test_a_message_is_given_whole_and_of_its_kind(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer):
        for size in (0, 1, 125, 126, 65_535, 65_536):
            await socket.send(frame(TEXT, b"a" * size))
            assert await _given(consumer) == "a" * size
            await socket.send(frame(BINARY, b"\xff" * size))
            assert await _given(consumer) == b"\xff" * size
        await socket.send(text("é € 😀 \x00 \ufeff \ufffe"))
        assert await _given(consumer) == "é € 😀 \x00 \ufeff \ufffe"


@pytest.mark.req("WS-006")
@pytest.mark.both_flavours
async def test_a_message_in_fragments_is_given_as_one(world: ServerWorld) -> None:
    words = "h\u00e9llo \U0001f600".encode()
    async with world.websocket() as (socket, consumer):
        for kind, expected in ((TEXT, words.decode()), (BINARY, words)):
            frames = [frame(kind, b"", fin=False)]
            frames += [frame(CONTINUATION, words[at : at + 1], fin=False) for at in range(len(words))]
            await socket.send(b"".join([*frames, frame(CONTINUATION, b"")]))
            assert await _given(consumer) == expected
        await socket.client.drip(frame(TEXT, b"one ", fin=False) + frame(CONTINUATION, b"two"))
        assert await _given(consumer) == "one two"


@pytest.mark.req("WS-006", "WS-007", "WS-044")
@pytest.mark.both_flavours
async def test_control_frames_may_stand_between_fragments(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer):
        await socket.send(frame(TEXT, b"one ", fin=False) + frame(PING, b"1"))
        assert await _pong(socket) == b"1"
        await socket.send(frame(PONG, b"nobody asked") + frame(CONTINUATION, b"two ", fin=False))
        await socket.send(frame(PING, b"2") + frame(CONTINUATION, b"three"))
        assert await _pong(socket) == b"2"
        assert await _given(consumer) == "one two three"


@pytest.mark.req("WS-044", "WS-007")
@pytest.mark.both_flavours
async def test_a_ping_is_answered_and_nothing_of_it_is_given(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer):
        for payload in (b"", b"a", b"\x00\xff", b"x" * 125):
            await socket.send(frame(PING, payload))
            assert await _pong(socket) == payload
        await socket.send(frame(PONG, b"unasked") + frame(PONG))
        await socket.send(text("next"))
        call = await consumer.called("websocket.receive")
        await socket.send(frame(PING, b"while a call runs"))
        assert await _pong(socket) == b"while a call runs"
        await call.returns()


@pytest.mark.req("WS-023")
@pytest.mark.both_flavours
async def test_what_is_sent_arrives_as_one_message_of_its_kind(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer):
        await socket.send(text("go on"))
        call = await consumer.called("websocket.receive")
        for value in ("", "a", "é € 😀", "x" * 126, "y" * 70_000, b"", b"\x00\xff", b"z" * 126, b"w" * 70_000):
            key, other = ("text", "bytes") if isinstance(value, str) else ("bytes", "text")
            await call.send({"type": "websocket.send", key: value, other: None})
            received = await socket.message()
            assert received == value, f"{value[:20]!r} came as {received[:20]!r}"
        await call.returns()


async def _code(world: ServerWorld, data: bytes) -> tuple[int, int]:
    """Return the codes, in the close frame and for the consumer, with which *data* ends a WebSocket."""
    async with world.websocket() as (socket, consumer):
        await socket.send(data)
        seen = await socket.closed()
        return seen, (await consumer.disconnected())["code"]


async def _all_close_with(world: ServerWorld, code: int, cases: Mapping[str, bytes]) -> None:
    found = {name: await _code(world, data) for name, data in cases.items()}
    assert found == dict.fromkeys(cases, (code, code)), "the code in the close frame, and the consumer's"


@pytest.mark.req("WS-043")
async def test_frames_that_no_client_may_send_close_with_1002(world: ServerWorld) -> None:
    cases = {
        "not masked": text("a", mask=None),
        "a reserved bit": text("a", rsv=4),
        "the second reserved bit": text("a", rsv=2),
        "the third reserved bit": text("a", rsv=1),
        "a reserved bit in a ping": frame(PING, rsv=4),
        "a reserved bit in a continuation": frame(TEXT, b"a", fin=False) + frame(CONTINUATION, b"b", rsv=4),
        **{f"opcode {code:#x}": frame(code, b"a") for code in (0x3, 0x4, 0x5, 0x6, 0x7, 0xB, 0xC, 0xD, 0xE, 0xF)},
        "a ping in fragments": frame(PING, b"a", fin=False),
        "a close frame in fragments": frame(CLOSE, b"", fin=False),
        "a ping of 126 bytes": frame(PING, b"x" * 126),
        "a close frame of 126 bytes": frame(CLOSE, b"\x03\xe8" + b"x" * 124),
        "a continuation without a beginning": frame(CONTINUATION, b"a"),
        "a continuation after a whole message": text("a") + frame(CONTINUATION, b"b"),
        "a new message within one": frame(TEXT, b"a", fin=False) + frame(BINARY, b"b"),
    }
    await _all_close_with(world, 1002, cases)


@pytest.mark.req("WS-043")
async def test_a_length_that_is_not_in_its_shortest_form_closes_with_1002(world: ServerWorld) -> None:
    mask = b"\x00\x00\x00\x00"
    cases = {
        "125 in two bytes": b"\x82\xfe\x00\x7d" + mask + b"x" * 125,
        "0 in two bytes": b"\x82\xfe\x00\x00" + mask,
        "125 in eight bytes": b"\x82\xff" + (125).to_bytes(8, "big") + mask + b"x" * 125,
        "65,535 in eight bytes": b"\x82\xff" + (65_535).to_bytes(8, "big") + mask + b"x" * 65_535,
    }
    await _all_close_with(world, 1002, cases)


@pytest.mark.req("WS-043")
async def test_a_close_code_that_may_not_be_sent_closes_with_1002(world: ServerWorld) -> None:
    codes = (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535)
    cases = {f"code {code}": close_frame(code) for code in codes}
    await _all_close_with(world, 1002, {**cases, "one byte": frame(CLOSE, b"\x03")})


@pytest.mark.req("WS-042")
async def test_text_that_is_not_utf_8_closes_with_1007(world: ServerWorld) -> None:
    cases = {
        "a byte that never occurs": frame(TEXT, b"a\xff"),
        "overlong": frame(TEXT, b"\xc0\xaf"),
        "a surrogate": frame(TEXT, b"\xed\xa0\x80"),
        "beyond the last code point": frame(TEXT, b"\xf4\x90\x80\x80"),
        "cut at the end": frame(TEXT, b"a\xe2\x82"),
        "cut at the end of the last fragment": frame(TEXT, b"a", fin=False) + frame(CONTINUATION, b"\xe2\x82"),
        "wrong across two fragments": frame(TEXT, b"\xe2\x82", fin=False) + frame(CONTINUATION, b"a"),
        "the reason of a close frame": close_frame(1000, b"\xff"),
        "the reason of a close frame, cut": close_frame(1000, b"\xe2\x82"),
    }
    await _all_close_with(world, 1007, cases)


@pytest.mark.req("WS-039")
@pytest.mark.both_flavours
async def test_a_message_as_large_as_the_limit_is_given(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer):
        await socket.send(frame(BINARY, b"x" * _LIMIT))
        assert len(await _given(consumer)) == _LIMIT
        half = _LIMIT // 2
        await socket.send(frame(TEXT, b"x" * half, fin=False) + frame(CONTINUATION, b"y" * half))
        assert len(await _given(consumer)) == _LIMIT


@pytest.mark.req("WS-039")
async def test_a_message_above_the_limit_closes_with_1009(world: ServerWorld) -> None:
    half = _LIMIT // 2
    cases = {
        "in one frame": frame(BINARY, b"x" * (_LIMIT + 1)),
        "in fragments": frame(TEXT, b"x" * half, fin=False) + frame(CONTINUATION, b"y" * (half + 1)),
    }
    await _all_close_with(world, 1009, cases)


@pytest.mark.req("WS-039")
@pytest.mark.needs("websocket_max_size")
async def test_the_limit_is_the_operators_in_bytes_of_utf_8(world: ServerWorld) -> None:
    server = await world.server(websocket_max_size=1000)
    async with world.websocket(server=server) as (socket, consumer):
        await socket.send(text("é" * 500))
        assert await _given(consumer) == "é" * 500
        await socket.send(text("é" * 500 + "x"))
        assert await socket.closed() == 1009
        assert (await consumer.disconnected())["code"] == 1009


@pytest.mark.req("WS-040")
async def test_a_length_above_the_limit_is_refused_before_its_payload_comes(world: ServerWorld) -> None:
    half = _LIMIT // 2
    cases = {
        "one more": frame(BINARY, b"", length=_LIMIT + 1),
        "a terabyte": frame(TEXT, b"", length=2**40),
        "with what came before": frame(TEXT, b"x" * half, fin=False) + frame(CONTINUATION, b"", length=half + 1),
    }
    await _all_close_with(world, 1009, cases)


@pytest.mark.req("WS-041")
async def test_a_message_of_very_many_fragments_closes_with_1009(world: ServerWorld) -> None:
    many = frame(CONTINUATION, b"x", fin=False) * 4_097
    await _all_close_with(world, 1009, {"4,098 fragments": frame(TEXT, b"x", fin=False) + many})


@pytest.mark.req("WS-043", "CON-057")
@pytest.mark.both_flavours
async def test_one_clients_mistake_is_nobody_elses(world: ServerWorld) -> None:
    async with world.websocket() as (good, neighbour), world.websocket() as (bad, consumer):
        await bad.send(text("a", mask=None))
        assert await bad.closed() == 1002
        assert (await consumer.disconnected())["code"] == 1002
        await good.send(text("b"))
        call = await neighbour.called("websocket.receive")
        await call.send(said("heard"))
        assert await good.message() == "heard"
        await call.returns()


@pytest.mark.req("WS-046")
@pytest.mark.waits
async def test_a_silent_websocket_is_pinged_and_a_dead_one_is_lost(world: ServerWorld) -> None:
    async with world.websocket() as (socket, consumer):
        socket.client.deadline = 42.0
        received = await socket.frame()
        assert received.opcode == PING, f"expected a ping, got {received}"
        consumer.line.deadline = 42.0
        assert (await consumer.given("websocket.disconnect"))["code"] == 1006
        await socket.client.ended()

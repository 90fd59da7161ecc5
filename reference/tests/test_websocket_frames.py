"""WebSocket frames, good and bad: what is closed with which code, and what the consumer learns of it."""

from collections.abc import Iterator
from typing import Any

import pytest

from seaway.conformance.client.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    close_frame,
    frame,
    text,
    websocket,
)
from seaway.conformance.face import Hang

from .scripted import Consumer, Message, answer, serving, until

pytestmark = pytest.mark.anyio

LIMIT = 1000
START = frame(TEXT, b"a", fin=False)
INVALID = {
    "lone byte": b"\xff",
    "continuation byte first": b"\x80",
    "cut short": b"\xe2\x82",
    "overlong": b"\xc0\xaf",
    "surrogate": b"\xed\xa0\x80",
    "above U+10FFFF": b"\xf4\x90\x80\x80",
    "good then bad": "κόσμε".encode() + b"\xed\xa0\x80 edited",
}
BAD: dict[str, tuple[int, bytes]] = {
    **{f"text: {name}": (1007, frame(TEXT, value)) for name, value in INVALID.items()},
    **{
        f"fragments: {name}": (1007, START + frame(CONTINUATION, value[:1], fin=False) + frame(0, value[1:]))
        for name, value in INVALID.items()
    },
    **{f"reason: {name}": (1007, close_frame(1000, value)) for name, value in INVALID.items()},
    **{f"opcode {number}": (1002, frame(number)) for number in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    **{f"reserved bits {bits}": (1002, frame(TEXT, b"x", rsv=bits)) for bits in range(1, 8)},
    "reserved bit in a ping": (1002, frame(PING, rsv=4)),
    "reserved bit in a close": (1002, frame(CLOSE, rsv=4)),
    "reserved bit in a continuation": (1002, START + frame(CONTINUATION, b"x", rsv=4)),
    "unmasked text": (1002, frame(TEXT, b"x", mask=None)),
    "unmasked empty text": (1002, frame(TEXT, mask=None)),
    "unmasked ping": (1002, frame(PING, mask=None)),
    "unmasked close": (1002, frame(CLOSE, mask=None)),
    "long ping": (1002, frame(PING, b"x" * 126)),
    "long pong": (1002, frame(PONG, b"x" * 126)),
    "long close": (1002, close_frame(1000, b"x" * 124)),
    "ping that tells a huge length": (1002, frame(PING, length=1 << 62)),
    "fragmented ping": (1002, frame(PING, fin=False)),
    "fragmented pong": (1002, frame(PONG, fin=False)),
    "fragmented close": (1002, frame(CLOSE, fin=False)),
    "continuation of nothing": (1002, frame(CONTINUATION, b"x")),
    "continuation after the end": (1002, frame(TEXT, b"x") + frame(CONTINUATION, b"x")),
    "text inside a message": (1002, START + frame(TEXT, b"x")),
    "binary inside a message": (1002, START + frame(BINARY, b"x")),
    "close of one byte": (1002, frame(CLOSE, b"\x03")),
    **{
        f"close code {code}": (1002, close_frame(code))
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    },
    "length that is not the shortest": (1002, b"\x81\xfe\x00\x01" + b"\0\0\0\0x"),
    "length with the highest bit": (1009, frame(BINARY, length=1 << 63)),
    "huge length": (1009, frame(BINARY, length=1 << 62)),
    "one more than the limit": (1009, frame(BINARY, length=LIMIT + 1)),
    "fragments above the limit": (1009, frame(BINARY, b"x" * 600, fin=False) + frame(0, length=401)),
    "text above the limit": (1009, frame(TEXT, b"x" * (LIMIT + 1))),
}


@pytest.mark.parametrize("slowly", [False, True], ids=["whole", "bytes"])
async def test_bad_frames_close_with_their_code(slowly: bool) -> None:
    """WS-008, WS-039, WS-040, WS-042, WS-043, W3, W12: the code, then the end; the consumer learns the same code."""
    wrong = {}
    async with serving(answer, websocket_max_size=LIMIT) as site:
        for name, (code, data) in BAD.items():
            async with websocket(site.address) as ws:
                await (ws.client.drip if slowly else ws.send)(data)
                try:
                    received = await ws.closed()
                except Hang:
                    received = 0
            consumer = site.consumers[-1]
            await until(lambda consumer=consumer: consumer.over, f"the end of {name}")
            told = consumer.messages[-1]["code"]
            if (received, told) != (code, code):
                wrong[name] = f"client saw {received}, consumer {told}, expected {code}"

    assert wrong == {}


GOOD: dict[str, tuple[bytes, list[str | bytes]]] = {
    "text": (text("héllo"), ["héllo"]),
    "empty": (text("") + frame(BINARY), ["", b""]),
    "binary": (frame(BINARY, b"\xff\x00"), [b"\xff\x00"]),
    "125": (frame(BINARY, b"x" * 125), [b"x" * 125]),
    "126": (frame(BINARY, b"x" * 126), [b"x" * 126]),
    "the limit": (frame(BINARY, b"x" * LIMIT), [b"x" * LIMIT]),
    "two": (text("a") + text("b"), ["a", "b"]),
    "fragments": (START + frame(0, b"b", fin=False) + frame(0, b"c"), ["abc"]),
    "fragments cut inside a character": (
        b"".join(frame(0 if n else TEXT, bytes([byte]), fin=n == 3) for n, byte in enumerate("🚢".encode())),
        ["🚢"],
    ),
    "empty fragments": (frame(TEXT, fin=False) + frame(0, fin=False) + frame(0), [""]),
    "another mask": (text("abc", mask=b"\0\0\0\0") + text("d", mask=b"\xff\0\xff\0"), ["abc", "d"]),
    "unasked pong": (frame(PONG, b"x") + text("after"), ["after"]),
    "noncharacters": (text("\ufffe\uffff\U0010ffff\x00"), ["\ufffe\uffff\U0010ffff\x00"]),
}


@pytest.mark.parametrize("slowly", [False, True], ids=["whole", "bytes"])
async def test_good_frames_are_echoed(slowly: bool, is_async: bool) -> None:
    """WS-002, WS-006, WS-023: on one connection, so that each leaves it in order."""
    async with (
        serving(answer, is_async=is_async, websocket_max_size=LIMIT) as site,
        websocket(site.address) as ws,
    ):
        for data, messages in GOOD.values():
            await (ws.client.drip if slowly else ws.send)(data)
            assert [await ws.message() for _ in messages] == messages
        assert await ws.close() == 1000

    assert {message["type"] for message in site.only.messages[1:-1]} == {"websocket.receive"}
    for message in site.only.messages[1:-1]:
        assert (message.get("text") is None) != (message.get("bytes") is None)


@pytest.mark.parametrize("size", [1, 65535, 65536, 1 << 20])
async def test_the_default_limit_is_1_mib(size: int) -> None:
    """WS-039."""
    async with serving(answer) as site, websocket(site.address) as ws:
        await ws.send(frame(BINARY, bytes(size)))
        assert await ws.message() == bytes(size)
        await ws.send(frame(BINARY, length=(1 << 20) + 1))
        assert await ws.closed() == 1009


async def test_pings_are_answered_even_between_fragments() -> None:
    """WS-007, WS-044."""
    async with serving(answer) as site, websocket(site.address) as ws:
        for payload in (b"", b"x", b"y" * 125):
            await ws.send(frame(PING, payload))
            pong = await ws.frame()
            assert (pong.opcode, pong.payload) == (PONG, payload)
        await ws.send(START + frame(PING, b"within") + frame(0, b"b"))
        pong = await ws.frame()
        assert (pong.opcode, pong.payload) == (PONG, b"within")
        assert await ws.message() == "ab"
        await ws.close()

    assert site.only.types == ["websocket.connect", "websocket.receive", "websocket.disconnect"]


async def test_of_pings_that_wait_only_the_latest_is_answered() -> None:
    """W5, WS-044: a client that does not read cannot make the server hold thousands of pongs."""
    count = 5000

    def flood(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "websocket.connect":
            yield consumer.send, {"type": "websocket.send", "bytes": bytes(8 << 20)}

    async with serving(flood) as site, websocket(site.address, receive_buffer=65536) as ws:
        pings = b"".join(frame(PING, b"%d" % number) for number in range(count))
        assert await ws.client.stuff(pings) == len(pings)
        assert len(await ws.message()) == 8 << 20
        pongs = [(await ws.frame()).payload]
        while pongs[-1] != b"%d" % (count - 1):
            pongs.append((await ws.frame()).payload)

    assert len(pongs) < count / 10


@pytest.mark.parametrize("payload", [b"", b"x"], ids=["empty", "one byte"])
async def test_endless_fragments_are_ended(payload: bytes) -> None:
    """W4, WS-041: far below the limit in bytes, one message in more than 4,096 fragments is 1009."""
    async with serving(answer) as site, websocket(site.address) as ws:
        await ws.send(START + frame(CONTINUATION, payload, fin=False) * 20_000)
        assert await ws.closed() == 1009
        await until(lambda: site.only.over)

    assert site.only.messages[-1]["code"] == 1009


async def test_fragments_below_the_cap_are_a_message() -> None:
    async with serving(answer) as site, websocket(site.address) as ws:
        await ws.send(START + frame(CONTINUATION, b"a", fin=False) * 3000 + frame(CONTINUATION))
        assert await ws.message() == "a" * 3001


CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)


async def test_a_close_is_answered_with_its_code(is_async: bool) -> None:
    """WS-003, WS-008, WS-045."""
    async with serving(answer, is_async=is_async) as site:
        for code in CODES:
            async with websocket(site.address) as ws:
                await ws.send(close_frame(code, "gone ⚓".encode()))
                assert await ws.closed() == code
        await until(lambda: all(consumer.over for consumer in site.consumers))

    ends = [consumer.messages[-1] for consumer in site.consumers]
    assert [(end["code"], end["reason"]) for end in ends] == [(code, "gone ⚓") for code in CODES]


async def test_a_close_without_a_code_is_1005(is_async: bool) -> None:
    """WS-009."""
    async with serving(answer, is_async=is_async) as site, websocket(site.address) as ws:
        assert await ws.close(None) == 1005
        await until(lambda: site.only.over)

    assert site.only.messages[-1]["code"] == 1005
    assert site.only.messages[-1].get("reason", "") == ""


@pytest.mark.parametrize("end", ["close", "finish", "reset"])
@pytest.mark.parametrize("before", [b"", b"\x81", text("half")[:-1], START], ids=["idle", "head", "payload", "message"])
async def test_a_connection_that_is_lost_is_1006(end: str, before: bytes) -> None:
    """WS-010."""
    async with serving(answer) as site, websocket(site.address) as ws:
        await ws.send(before)
        getattr(ws.client, end)()
        await until(lambda: site.only.over)

    assert site.only.types == ["websocket.connect", "websocket.disconnect"]
    assert site.only.messages[-1]["code"] == 1006


async def test_what_follows_a_close_is_not_read() -> None:
    """RFC 6455, section 1.4."""
    async with serving(answer) as site, websocket(site.address) as ws:
        await ws.send(text("before") + close_frame(1000) + text("after"))
        assert await ws.closed() == 1000
        await until(lambda: site.only.over)

    assert [message["text"] for message in site.only.messages if "text" in message] == ["before"]

"""What a client gets for the messages that a WebSocket consumer sends, and what `send` refuses."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from seaway.conformance.client.http import Client, Response, connect
from seaway.conformance.client.websocket import CLOSE, WebSocket, close_frame, handshake, text, websocket

from .scripted import Consumer, Handler, Message, answer, serving, until

pytestmark = pytest.mark.anyio

ACCEPT: Message = {"type": "websocket.accept"}
SEND: Message = {"type": "websocket.send", "text": "x"}
CLOSE_IT: Message = {"type": "websocket.close"}
REJECT: Message = {"type": "websocket.reject"}


def on_connect(*messages: Message) -> Handler:
    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "websocket.connect":
            for each in messages:
                yield consumer.send, each

    return handler


async def test_accept_chooses_a_subprotocol_and_adds_headers(is_async: bool) -> None:
    """WS-011."""
    headers = [[b"set-cookie", b"a=1"], [b"set-cookie", b"b=2"]]
    handler = on_connect({**ACCEPT, "subprotocol": "two", "headers": headers})
    async with (
        serving(handler, is_async=is_async) as site,
        websocket(site.address, "/", "Sec-WebSocket-Protocol: one, two") as ws,
    ):
        assert ws.response.field(b"sec-websocket-protocol") == b"two"
        assert [pair for pair in ws.response.fields if pair[0] == b"set-cookie"] == [tuple(pair) for pair in headers]


@pytest.mark.parametrize(
    ("reject", "status", "body"),
    [
        (REJECT, 403, b""),
        ({**REJECT, "status": 401, "headers": [[b"www-authenticate", b"Basic"]], "body": b"who?"}, 401, b"who?"),
    ],
)
async def test_reject_is_an_http_response(reject: Message, status: int, body: bytes, is_async: bool) -> None:
    """WS-010, WS-012, WS-022."""
    async with serving(on_connect(reject), is_async=is_async) as site, connect(site.address) as client:
        await client.send(handshake())
        response = await client.response()
        await until(lambda: site.only.over)

    assert (response.status, response.body) == (status, body)
    assert response.field(b"www-authenticate") == (b"Basic" if status == 401 else None)
    assert response.field(b"upgrade") is None
    assert site.only.types == ["websocket.connect", "websocket.disconnect"]
    assert site.only.messages[-1]["code"] == 1006


async def test_send_before_accept_accepts(is_async: bool) -> None:
    """WS-013, WS-017."""
    async with (
        serving(on_connect(SEND, {"type": "websocket.send", "bytes": b"\xff"}), is_async=is_async) as site,
        websocket(site.address, "/", "Sec-WebSocket-Protocol: one") as ws,
    ):
        assert ws.response.field(b"sec-websocket-protocol") is None
        assert [await ws.message(), await ws.message()] == ["x", b"\xff"]


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536, 3_000_000])
async def test_messages_of_every_size_arrive(size: int, is_async: bool) -> None:
    """WS-023: the limit is for what comes in."""
    handler = on_connect(ACCEPT, {"type": "websocket.send", "bytes": b"x" * size}, SEND)
    async with serving(handler, is_async=is_async) as site, websocket(site.address) as ws:
        assert [await ws.message(), await ws.message()] == [b"x" * size, "x"]


@pytest.mark.parametrize(
    ("close", "code", "reason"),
    [
        (CLOSE_IT, 1000, b""),
        ({**CLOSE_IT, "code": 4321, "reason": "⚓" * 41}, 4321, ("⚓" * 41).encode()),
        ({**CLOSE_IT, "code": 1012}, 1012, b""),
    ],
)
async def test_close_sends_its_code_and_reason(close: Message, code: int, reason: bytes, is_async: bool) -> None:
    """WS-008, WS-014."""
    async with serving(on_connect(ACCEPT, close), is_async=is_async) as site, websocket(site.address) as ws:
        received = await ws.frame()
        assert (received.opcode, received.payload) == (CLOSE, code.to_bytes(2, "big") + reason)
        await ws.send(close_frame(1001))
        assert await ws.client.ended() == b""
        await until(lambda: site.only.over)

    end = site.only.messages[-1]
    assert (end["code"], end.get("reason", "")) == (code, reason.decode())


async def test_what_the_client_still_sends_after_a_close_is_discarded(is_async: bool) -> None:
    """WS-024."""
    async with serving(on_connect(ACCEPT, CLOSE_IT), is_async=is_async) as site, websocket(site.address) as ws:
        assert (await ws.frame()).opcode == CLOSE
        await ws.send(text("too late") + close_frame(1000))
        assert await ws.client.ended() == b""

    assert site.only.types == ["websocket.connect", "websocket.disconnect"]


OFFERED = "one"
WRONG: dict[str, tuple[str, tuple[Message, ...], Any]] = {
    "accept twice": ("WS-015", (ACCEPT,), ACCEPT),
    "reject after accept": ("WS-015", (ACCEPT,), REJECT),
    "send after close": ("WS-015", (ACCEPT, CLOSE_IT), SEND),
    "close twice": ("WS-015", (ACCEPT, CLOSE_IT), CLOSE_IT),
    "send after reject": ("WS-015", (REJECT,), SEND),
    "accept after reject": ("WS-015", (REJECT,), ACCEPT),
    "close before accept": ("websocket.reject", (), CLOSE_IT),
    "subprotocol that was not offered": ("WS-019", (), {**ACCEPT, "subprotocol": "three"}),
    "upgrade of its own": ("WS-020", (), {**ACCEPT, "headers": [[b"upgrade", b"x"]]}),
    "extension of its own": ("WS-020", (), {**ACCEPT, "headers": [[b"sec-websocket-extensions", b"x"]]}),
    "length": ("WS-020", (), {**ACCEPT, "headers": [[b"content-length", b"1"]]}),
    "CRLF in a header": ("HTTP-032", (), {**ACCEPT, "headers": [[b"x", b"a\r\nb: c"]]}),
    "CRLF in a rejection": ("HTTP-032", (), {**REJECT, "headers": [[b"x", b"a\r\nb: c"]]}),
    "coding of a rejection": ("HTTP-033", (), {**REJECT, "headers": [[b"transfer-encoding", b"chunked"]]}),
    "neither text nor bytes": ("", (ACCEPT,), {"type": "websocket.send"}),
    "both text and bytes": ("", (ACCEPT,), {**SEND, "bytes": b"x"}),
    "text as bytes": ("", (ACCEPT,), {"type": "websocket.send", "text": b"x"}),
    "bytes as text": ("", (ACCEPT,), {"type": "websocket.send", "bytes": "x"}),
    "lone surrogate": ("", (ACCEPT,), {"type": "websocket.send", "text": "\ud800"}),
    "code 1005": ("", (ACCEPT,), {**CLOSE_IT, "code": 1005}),
    "code 1006": ("", (ACCEPT,), {**CLOSE_IT, "code": 1006}),
    "code 999": ("", (ACCEPT,), {**CLOSE_IT, "code": 999}),
    "code 5000": ("", (ACCEPT,), {**CLOSE_IT, "code": 5000}),
    "reason of 124 bytes": ("", (ACCEPT,), {**CLOSE_IT, "reason": "x" * 124}),
    "reason that is long in utf-8": ("", (ACCEPT,), {**CLOSE_IT, "reason": "⚓" * 42}),
    "of another protocol": ("", (), {"type": "http.response", "status": 200}),
    "of the other direction": ("", (ACCEPT,), {"type": "websocket.receive", "text": "x"}),
    "no dict": ("", (ACCEPT,), "websocket.close"),
}


async def test_a_wrong_message_is_refused_and_changes_nothing(is_async: bool) -> None:
    """CON-066, CON-067, MSG-012, MSG-027, WS-015 to WS-021."""
    errors: dict[str, str] = {}

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] != "websocket.connect":
            yield from answer(consumer, message)
            return
        name = list(WRONG)[int(message["query_string"])]
        _, good, wrong = WRONG[name]
        for each in good:
            yield consumer.send, each
        try:
            yield consumer.send, wrong
        except ValueError as error:
            errors[name] = str(error)
        else:
            errors[name] = "nothing was raised"
        if not good:
            yield consumer.send, ACCEPT

    complaints = {}
    async with serving(handler, is_async=is_async) as site:
        for number, (name, (names, good, _)) in enumerate(WRONG.items()):
            async with connect(site.address) as client:
                await client.send(handshake(f"/?{number}", f"Sec-WebSocket-Protocol: {OFFERED}"))
                response = await client.response()
                await until(lambda name=name: name in errors)
                went_on = await goes_on(client, response, good)
            if not went_on or not re.search(names or "WS-|HTTP-|MSG-|CON-", errors[name]):
                complaints[name] = (response.status, went_on, errors[name])

    assert complaints == {}


async def goes_on(client: Client, response: Response, good: tuple[Message, ...]) -> bool:
    """Whether the WebSocket is as the messages before the wrong one have made it."""
    if REJECT in good:
        return response.status == 403
    ws = WebSocket(client, response)
    if CLOSE_IT in good:
        return await ws.closed() == 1000
    await ws.send(text("still open"))
    return await ws.message() == "still open"


async def test_after_the_clients_close_send_raises_connection_error(is_async: bool) -> None:
    """WS-016: the close came first, the consumer could not know."""
    raised: list[BaseException] = []

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "websocket.receive":
            yield consumer.pause, 0.05
            while not raised:
                try:
                    yield consumer.send, SEND
                except ConnectionError as error:
                    raised.append(error)
        else:
            yield from answer(consumer, message)

    async with serving(handler, is_async=is_async) as site, websocket(site.address) as ws:
        await ws.send(text("go") + close_frame(1001))
        assert await ws.closed() == 1001
        await until(lambda: raised)

    assert site.only.messages[-1]["code"] == 1001


async def test_a_broadcast_reaches_everybody_unchanged(is_async: bool) -> None:
    """One text to many, text and binary, between messages of their own: nobody gets another's frame."""

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "websocket.connect":
            yield consumer.layer.group_add, "room", consumer.channel
            yield consumer.send, ACCEPT
        elif message["type"] == "test.line":
            yield consumer.send, {"type": "websocket.send", message["kind"]: message["value"]}
        else:
            yield from answer(consumer, message)

    lines: list[tuple[str, Any]] = [("text", "one"), ("bytes", b"one"), ("text", "two"), ("bytes", b""), ("text", "")]
    async with (
        serving(handler, is_async=is_async) as site,
        websocket(site.address) as first,
        websocket(site.address) as second,
        websocket(site.address) as third,
    ):
        for kind, value in lines:
            await site.layer.send_group("room", {"type": "test.line", "kind": kind, "value": value})
            for ws in (first, second, third):
                assert await ws.message() == value
            await second.send(text("own"))
            assert await second.message() == "own"

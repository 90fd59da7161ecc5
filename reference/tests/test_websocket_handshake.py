"""The opening handshake: what is accepted, what is refused, and the check of the origin."""

from collections.abc import Iterator
from typing import Any

import pytest

from seaway.conformance.client.http import connect, request
from seaway.conformance.client.websocket import ACCEPT, KEY, WebSocket, handshake, text, websocket

from .scripted import Consumer, Message, answer, serving, until

pytestmark = pytest.mark.anyio

OWN = {
    "upgrade": "Upgrade: websocket",
    "connection": "Connection: Upgrade",
    "key": f"Sec-WebSocket-Key: {KEY}",
    "version": "Sec-WebSocket-Version: 13",
}


def fields(*more: str, **changes: str | None) -> tuple[str, ...]:
    """The fields of a good handshake, some of them changed or (`None`) left out, and more."""
    chosen = {**OWN, **changes}
    return (*(value for value in chosen.values() if value is not None), *more)


def key(value: str) -> str:
    return f"Sec-WebSocket-Key: {value}"


LAX: dict[str, tuple[int, bytes]] = {
    "good": (101, request("/", *fields())),
    "other cases": (101, request("/", *fields(upgrade="UPGRADE: WebSocket", connection="connection: upgrade"))),
    "in lists": (
        101,
        request("/", *fields(upgrade="Upgrade: x, websocket", connection="Connection: keep-alive, Upgrade")),
    ),
    "no key": (400, request("/", *fields(key=None))),
    "empty key": (400, request("/", *fields(key=key("")))),
    "key of one byte": (400, request("/", *fields(key=key("eA==")))),
    "key of 17 bytes": (400, request("/", *fields(key=key("c2V2ZW50ZWVuIGJ5dGVzISE=")))),
    "key that is not base64": (400, request("/", *fields(key=key("!" * 22 + "==")))),
    "key without padding": (400, request("/", *fields(key=key(KEY.rstrip("="))))),
    "two keys": (400, request("/", *fields(key(KEY)))),
    "two different keys": (400, request("/", *fields(key("AQIDBAUGBwgJCgsMDQ4PEA==")))),
    "post": (400, request("/", *fields(), method="POST")),
    "head": (400, request("/", *fields(), method="HEAD")),
    "a body": (400, request("/", *fields(), body=b"hello")),
    "no host": (400, request("/", *fields()).replace(b"Host: test\r\n", b"")),
    "two hosts": (400, request("/", *fields("Host: test"))),
    "bad host": (400, request("/", *fields()).replace(b"Host: test", b"Host: te st")),
    "no version": (426, request("/", *fields(version=None))),
    "version 8": (426, request("/", *fields(version="Sec-WebSocket-Version: 8"))),
    "version 130": (426, request("/", *fields(version="Sec-WebSocket-Version: 130"))),
    "subprotocol that is no token": (400, request("/", *fields("Sec-WebSocket-Protocol: a b"))),
    "subprotocol beyond ascii": (400, request("/", *fields("Sec-WebSocket-Protocol: caf\xe9"))),
    "subprotocol twice": (400, request("/", *fields("Sec-WebSocket-Protocol: a, b, a"))),
    "path that is not utf-8": (400, request("/%ff", *fields())),
    # Not a handshake at all, so a plain request, which this application answers:
    "no upgrade": (200, request("/", *fields(upgrade=None))),
    "no connection": (200, request("/", *fields(connection=None))),
    "another connection": (200, request("/", *fields(connection="Connection: keep-alive"))),
    "another upgrade": (200, request("/", *fields(upgrade="Upgrade: websockets"))),
    "HTTP/1.0": (200, request("/", *fields(), version="1.0")),
}


async def test_the_handshake_is_strict() -> None:
    """WS-027 to WS-031, HTTP-067, W10, W11: the application is not called for what is refused."""
    wrong = {}
    async with serving(answer) as site:
        for name, (status, data) in LAX.items():
            before = len(site.consumers)
            async with connect(site.address) as client:
                await client.send(data)
                response = await client.response("HEAD" if name == "head" else "GET")
                if status in (400, 426):
                    assert await client.ended() == b"", name
            called = len(site.consumers) - before
            if (response.status, called) != (status, status in (101, 200)):
                wrong[name] = (response, called)
            if status == 426:
                assert response.field(b"sec-websocket-version") == b"13"

    assert wrong == {}


async def test_the_handshake_is_answered_as_the_rfc_says() -> None:
    """RFC 6455, section 4.2.2."""
    async with serving(answer) as site, websocket(site.address) as ws:
        fields = ws.response.fields

    assert (b"sec-websocket-accept", ACCEPT) in fields
    assert {value.lower() for name, value in fields if name in (b"upgrade", b"connection")} == {
        b"websocket",
        b"upgrade",
    }
    assert not {b"sec-websocket-protocol", b"sec-websocket-extensions"} & {name for name, _ in fields}


ORIGINS = [
    # origin, host, whether it passes where no other origin is allowed
    (None, "test", True),
    ("http://test", "test", True),
    ("http://TEST", "test", True),
    ("http://test:80", "test", True),
    ("http://test", "test:80", True),
    ("https://test", "test", True),
    ("https://test", "test:443", True),
    ("https://test:443", "test", True),
    ("http://test:8000", "test:8000", True),
    ("http://[::1]:8000", "[::1]:8000", True),
    ("http://other", "test", False),
    ("http://test:8001", "test:8000", False),
    ("http://test", "test:8000", False),
    ("http://test:8000", "test", False),
    ("https://test", "test:80", False),
    ("http://test.evil", "test", False),
    ("http://eviltest", "test", False),
    ("http://test@evil", "test", False),
    ("http://evil@test", "test", False),
    ("http://test?x", "test", False),
    ("http://test#", "test", False),
    ("http://evil/test", "test", False),
    ("http://test/", "test", False),
    ("test", "test", False),
    ("null", "test", False),
    ("", "test", False),
    ("file://", "test", False),
    ("https://friend.example", "test", False),
    ("http://friend.example", "test", False),
    ("https://friend.example:444", "test", False),
]


@pytest.mark.parametrize("allowed", [(), ("https://friend.example",), ("null",)])
async def test_a_page_may_only_come_from_its_own_host(allowed: tuple[str, ...]) -> None:
    """WS-033 to WS-036, W9: else 403, and the application is not called."""
    wrong = {}
    async with serving(answer, allowed_origins=frozenset(allowed)) as site:
        for origin, host, passes in ORIGINS:
            more = [] if origin is None else [f"Origin: {origin}"]
            before = len(site.consumers)
            async with connect(site.address) as client:
                await client.send(handshake("/", *more).replace(b"Host: test\r\n", f"Host: {host}\r\n".encode()))
                status = (await client.response()).status
            expected = passes or origin in allowed
            if (status, len(site.consumers) - before) != ((101, 1) if expected else (403, 0)):
                wrong[origin, host] = status

    assert wrong == {}


async def test_two_origins_are_refused_and_requests_are_not_checked() -> None:
    """WS-034; the check is for WebSockets, which no browser checks by itself."""
    async with serving(answer) as site, connect(site.address) as client:
        assert (await client.ask("/", "Origin: http://other")).status == 200
        await client.send(handshake("/", "Origin: http://test", "Origin: http://test"))
        assert (await client.response()).status == 403


async def test_the_first_message_tells_the_handshake(is_async: bool) -> None:
    """WS-001, WS-004."""
    async with (
        serving(answer, is_async=is_async) as site,
        websocket(site.address, "/caf%C3%A9?x=1", "Sec-WebSocket-Protocol: one,  two", "Sec-WebSocket-Protocol: three"),
    ):
        pass

    message = site.only.messages[0]
    assert (message["path"], message["raw_path"], message["query_string"]) == ("/café", b"/caf%C3%A9", b"x=1")
    assert list(message["subprotocols"]) == ["one", "two", "three"]
    assert message["extensions"]["interface"] == "1.0"
    assert (message["http_version"], message.get("scheme", "ws")) == ("1.1", "ws")
    assert (b"upgrade", b"websocket") in [tuple(pair) for pair in message["headers"]]
    assert "method" not in message
    assert "body" not in message


async def test_frames_sent_with_the_handshake_are_kept(is_async: bool) -> None:
    """WS-005, WS-032, W16: nothing is delivered before accept, and nothing is lost."""
    async with serving(answer, is_async=is_async) as site, connect(site.address) as client:
        await client.send(handshake() + text("early") + text("bird"))
        response = await client.response()
        ws = WebSocket(client, response)
        assert [await ws.message(), await ws.message()] == ["early", "bird"]

    assert site.only.types[0] == "websocket.connect"


async def test_nothing_is_delivered_before_accept(is_async: bool) -> None:
    """WS-005: it accepts only when a message of the layer says so."""

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "test.go":
            yield consumer.send, {"type": "websocket.accept"}

    async with serving(handler, is_async=is_async) as site, connect(site.address) as client:
        await client.send(handshake() + text("early"))
        await until(lambda: site.consumers and site.only.messages)
        await site.layer.send(site.only.channel, {"type": "test.note"})
        await until(lambda: "test.note" in site.only.types)
        await site.layer.send(site.only.channel, {"type": "test.go"})
        assert (await client.response()).status == 101
        await until(lambda: "websocket.receive" in site.only.types)

    assert site.only.types[:4] == ["websocket.connect", "test.note", "test.go", "websocket.receive"]


async def test_a_client_that_goes_before_accept_is_1006(is_async: bool) -> None:
    """WS-010."""

    def never(consumer: Consumer, message: Message) -> None:
        """Neither accepts nor rejects."""

    async with serving(never, is_async=is_async) as site:
        async with connect(site.address) as client:
            await client.send(handshake())
            await until(lambda: site.consumers and site.only.messages)
        await until(lambda: site.only.over)

    assert site.only.messages[-1]["code"] == 1006

"""The opening handshake of a WebSocket: what is taken as one, what is refused before the application is called."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from seaway.conformance.client.http import Response, request
from seaway.conformance.client.websocket import ACCEPT as ACCEPTED
from seaway.conformance.client.websocket import KEY, WebSocket, handshake, text
from seaway.conformance.server.values import ACCEPT, OK, said, validate
from seaway.conformance.serving.process import Served
from seaway.conformance.serving.world import ServerWorld

pytestmark = pytest.mark.needs("websocket")

_UPGRADE, _CONNECTION, _VERSION = "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"
_KEY = f"Sec-WebSocket-Key: {KEY}"


async def _answer(world: ServerWorld, data: bytes, server: Served | None = None) -> Response:
    """Return the response to a handshake that must be refused by the server itself, and end the connection."""
    async with world.client(server) as client:
        await client.send(data)
        response = await client.response()
        assert response.status != 101, f"it was accepted: {data!r}"
        assert await client.ended() == b"", f"the connection goes on after {response}"
        return response


async def _statuses(world: ServerWorld, wrong: dict[str, bytes], server: Served | None = None) -> dict[str, int]:
    found = {name: (await _answer(world, data, server)).status for name, data in wrong.items()}
    await world.nobody_was_called(server)
    return found


@pytest.mark.req("WS-001", "WS-004", "HTTP-008")
@pytest.mark.both_flavours
async def test_the_first_message_tells_the_whole_request(world: ServerWorld) -> None:
    more = ("Sec-WebSocket-Protocol: chat.v2, chat.v1", "X-Y: \t a b \t", "x-y: c", "Cookie: a=b")
    async with world.client() as client:
        data = handshake("/caf%C3%A9/a%2Fb?x=%20y&z", *client.own_fields, *more)
        await client.send(data)
        call = await world.called("websocket.connect")
        message: dict[str, Any] = call.message
        validate(message, "to-consumer")
        lines = [line.partition(b":") for line in data.split(b"\r\n")[1:-2]]
        expected = [[name.lower(), value.strip(b" \t")] for name, _, value in lines]
        assert [list(pair) for pair in message["headers"]] == expected
        host, port = client.socket.getsockname()[:2]
        assert {"root_path": "", "tls": None, **message, "headers": []} == {
            "type": "websocket.connect",
            "path": "/café/a/b",
            "raw_path": b"/caf%C3%A9/a%2Fb",
            "query_string": b"x=%20y&z",
            "root_path": "",
            "scheme": "ws",
            "http_version": "1.1",
            "headers": [],
            "client": [host, port],
            "server": list(client.socket.getpeername()[:2]),
            "subprotocols": ["chat.v2", "chat.v1"],
            "extensions": message["extensions"],
            "tls": None,
        }
        assert message["extensions"]["interface"] == "1.0"
        await call.returns()


@pytest.mark.req("WS-019")
@pytest.mark.both_flavours
async def test_an_accepted_handshake_is_answered_as_the_rfc_says(world: ServerWorld) -> None:
    async with world.client() as client:
        await client.send(handshake("/", *client.own_fields, "Sec-WebSocket-Protocol: a, b"))
        call = await world.called()
        headers = [[b"x-more", b"1"], [b"set-cookie", b"a=b"], [b"set-cookie", b"c=d"]]
        await call.send({"type": "websocket.accept", "subprotocol": "b", "headers": headers})
        response = await client.response()
        await call.returns()
    assert response.status == 101
    assert (response.field(b"upgrade") or b"").lower() == b"websocket"
    assert b"upgrade" in response.options
    assert response.field(b"sec-websocket-accept") == ACCEPTED
    assert response.field(b"sec-websocket-protocol") == b"b"
    assert response.field(b"sec-websocket-extensions") is None, "nobody has offered an extension"
    assert [pair for pair in response.fields if list(pair) in headers] == [tuple(pair) for pair in headers]
    assert response.field(b"content-length") is response.field(b"transfer-encoding") is None


@pytest.mark.req("WS-017")
@pytest.mark.both_flavours
async def test_to_send_is_to_accept_without_a_subprotocol(world: ServerWorld) -> None:
    async with world.client() as client:
        await client.send(handshake("/", *client.own_fields, "Sec-WebSocket-Protocol: a, b"))
        call = await world.called()
        await call.send(said("welcome"))
        response = await client.response()
        assert response.status == 101
        assert response.field(b"sec-websocket-protocol") is None
        assert await WebSocket(client, response).message() == "welcome"
        await call.returns()


@pytest.mark.req("WS-019")
@pytest.mark.both_flavours
async def test_a_subprotocol_must_be_one_that_the_client_offers(world: ServerWorld) -> None:
    async with world.client() as client:
        await client.send(handshake("/", *client.own_fields, "Sec-WebSocket-Protocol: a, b"))
        call = await world.called()
        for wrong in ("c", "A", "a, b", "", "a b", "a\r\nx: y", "é"):
            await call.refused({"type": "websocket.accept", "subprotocol": wrong})
        await call.send({"type": "websocket.accept", "subprotocol": None})
        response = await client.response()
        assert response.status == 101
        assert response.field(b"sec-websocket-protocol") is None
        await call.returns()
    async with world.client() as client:
        await client.send(handshake("/", *client.own_fields))
        call = await world.called()
        assert call.message.get("subprotocols", []) == []
        await call.refused({"type": "websocket.accept", "subprotocol": "a"})
        await call.returns()


@pytest.mark.req("WS-031")
async def test_what_lists_websocket_and_upgrade_is_a_handshake(world: ServerWorld) -> None:
    for upgrade, connection in (
        ("Upgrade: WebSocket", "Connection: UPGRADE"),
        ("Upgrade: h2c, websocket", "Connection: keep-alive, Upgrade"),
        ("Upgrade: foo/1\r\nUpgrade: websocket", "Connection: keep-alive\r\nConnection: upgrade"),
        ("Upgrade: \t,websocket ,", "Connection: close,\t upgrade"),
    ):
        async with world.client() as client:
            await client.send(request("/", *client.own_fields, upgrade, connection, _KEY, _VERSION))
            call = await world.called()
            assert call.type == "websocket.connect", f"{upgrade!r} with {connection!r} was taken as {call.type}"
            await call.returns()


@pytest.mark.req("WS-031", "HTTP-067")
@pytest.mark.needs("http")
async def test_what_does_not_is_an_ordinary_request(world: ServerWorld) -> None:
    for fields in (
        (_UPGRADE,),
        (_CONNECTION,),
        ("Upgrade: websockets", _CONNECTION),
        ("Upgrade: h2c", _CONNECTION),
        (_UPGRADE, "Connection: upgrades"),
        (_UPGRADE, "Connection: keep-alive"),
        ("Upgrade: web, socket", _CONNECTION),
    ):
        async with world.client() as client:
            await client.send(request("/", *client.own_fields, *fields, _KEY, _VERSION))
            call = await world.called()
            assert call.type == "http.request", f"{fields!r} was taken as {call.type}"
            await call.send(OK)
            assert (await client.response()).status == 200
            await call.returns()
    async with world.client() as client:
        await client.send(request("/", *client.own_fields, _UPGRADE, _CONNECTION, _KEY, _VERSION, version="1.0"))
        call = await world.called()
        assert call.type == "http.request", f"a handshake in HTTP/1.0 was taken as {call.type}"
        await call.returns()


@pytest.mark.req("WS-027")
async def test_a_handshake_is_a_get_request_without_a_body(world: ServerWorld) -> None:
    own = (f"X-Conformance: {world.token}",)
    chunked = handshake("/", *own, "Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\n\r\n"
    wrong = {
        **{method: handshake("/", *own, method=method) for method in ("POST", "OPTIONS", "get")},
        "a body": handshake("/", *own, body=b"hello"),
        "a body in chunks": chunked,
    }
    assert await _statuses(world, wrong) == dict.fromkeys(wrong, 400)
    async with world.client() as client:
        await client.send(handshake("/", *own, method="HEAD"))
        assert (await client.response("HEAD")).status == 400
        assert await client.ended() == b""


@pytest.mark.req("WS-027")
async def test_a_body_of_no_bytes_is_none(world: ServerWorld) -> None:
    async with world.client() as client:
        await client.send(handshake("/", *client.own_fields, "Content-Length: 0"))
        call = await world.called("websocket.connect")
        await call.send(ACCEPT)
        assert (await client.response()).status == 101
        await call.returns()


@pytest.mark.req("WS-028", "HTTP-056")
async def test_another_version_is_answered_with_the_one_that_is_spoken(world: ServerWorld) -> None:
    own = (f"X-Conformance: {world.token}", _UPGRADE, _CONNECTION, _KEY)
    for version in ("8", "7", "14", "013", "13.0", "13, 8", "hybi", ""):
        response = await _answer(world, request("/", *own, f"Sec-WebSocket-Version: {version}"))
        assert (response.status, response.field(b"sec-websocket-version")) == (426, b"13"), f"version {version!r}"
        assert response.closes
    response = await _answer(world, request("/", *own))
    assert (response.status, response.field(b"sec-websocket-version")) == (426, b"13"), "no version"
    await world.nobody_was_called()


@pytest.mark.req("WS-029")
async def test_a_key_is_the_base64_of_16_bytes_and_given_once(world: ServerWorld) -> None:
    own = (f"X-Conformance: {world.token}", _UPGRADE, _CONNECTION, _VERSION)
    keys = {
        "none": (),
        "two": (_KEY, _KEY),
        "empty": ("Sec-WebSocket-Key:",),
        "15 bytes": (f"Sec-WebSocket-Key: {base64.b64encode(bytes(15)).decode()}",),
        "17 bytes": (f"Sec-WebSocket-Key: {base64.b64encode(bytes(17)).decode()}",),
        "not base64": ("Sec-WebSocket-Key: not the base64 of any",),
        "without padding": (f"Sec-WebSocket-Key: {KEY.rstrip('=')}",),
        "two in one": (f"Sec-WebSocket-Key: {KEY}, {KEY}",),
    }
    wrong = {name: request("/", *own, *fields) for name, fields in keys.items()}
    assert await _statuses(world, wrong) == dict.fromkeys(wrong, 400)


@pytest.mark.req("WS-030")
async def test_subprotocols_are_distinct_tokens(world: ServerWorld) -> None:
    lists = ("", "a, a", "a,,b", ",a", "a,", "a b", "a/b", '"a"', "a;b", "\xe9")
    own = (f"X-Conformance: {world.token}",)
    wrong = {repr(one): handshake("/", *own, f"Sec-WebSocket-Protocol: {one}") for one in lists}
    wrong["a in two fields"] = handshake("/", *own, "Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: b, a")
    assert await _statuses(world, wrong) == dict.fromkeys(wrong, 400)


@pytest.mark.req("WS-030", "WS-001")
async def test_subprotocols_in_several_fields_are_one_list(world: ServerWorld) -> None:
    more = ("Sec-WebSocket-Protocol: b,\ta", "Sec-WebSocket-Protocol: A")
    async with world.client() as client:
        await client.send(handshake("/", *client.own_fields, *more))
        call = await world.called("websocket.connect")
        assert call.message["subprotocols"] == ["b", "a", "A"]
        await call.returns()


@pytest.mark.req("WS-032")
@pytest.mark.both_flavours
async def test_what_follows_the_head_are_the_clients_first_frames(world: ServerWorld) -> None:
    async with world.client() as client:
        frames = text("one") + text("two")
        await client.send(handshake("/", *client.own_fields) + frames[:-2])
        call = await world.called("websocket.connect")
        await call.send(ACCEPT)
        assert (await client.response()).status == 101
        await call.returns()
        assert (await call.consumer.given("websocket.receive"))["text"] == "one"
        await client.send(frames[-2:])
        assert (await call.consumer.given("websocket.receive"))["text"] == "two"


@pytest.mark.req("WS-005")
@pytest.mark.both_flavours
async def test_who_has_not_accepted_is_given_no_message_of_the_client(world: ServerWorld) -> None:
    async with world.client() as client:
        await client.send(handshake("/", *client.own_fields) + text("too early"))
        call = await world.called("websocket.connect")
        beside = await call.outside()
        await call.returns()
        await beside.layer("send", call.consumer.channel, {"type": "test.line", "number": 1})
        assert (await call.consumer.given())["type"] == "test.line"
        await world.silence()
        await beside.layer("send", call.consumer.channel, {"type": "test.line", "number": 2})
        assert (await call.consumer.given())["type"] == "test.line"
        await beside.send(ACCEPT)
        assert (await client.response()).status == 101
        assert (await call.consumer.given("websocket.receive"))["text"] == "too early"


# Origins


def _from(world: ServerWorld, host: str, *origins: str) -> bytes:
    fields = [f"Origin: {origin}" for origin in origins]
    data = handshake("/", f"X-Conformance: {world.token}", *fields)
    return data.replace(b"Host: test\r\n", f"Host: {host}\r\n".encode(), 1)


_OWN = (
    ("example.org", "https://example.org"),
    ("example.org", "http://example.org"),
    ("EXAMPLE.org", "http://example.ORG"),
    ("example.org:443", "https://example.org"),
    ("example.org:80", "http://example.org"),
    ("example.org", "https://example.org:443"),
    ("example.org", "http://example.org:80"),
    ("example.org:8000", "http://example.org:8000"),
    ("[::1]:8000", "http://[::1]:8000"),
)
_FOREIGN = (
    ("example.org", "https://evil.example"),
    ("example.org", "https://example.org.evil.example"),
    ("example.org", "https://sub.example.org"),
    ("example.org:8000", "https://example.org"),
    ("example.org", "https://example.org:8000"),
    ("example.org:443", "http://example.org"),
    ("example.org:80", "https://example.org"),
    ("example.org", "chrome-extension://abcdef"),
)
_MALFORMED = (
    "null",
    "",
    "example.org",
    "//example.org",
    "http://",
    "https://user@example.org",
    "https://example.org/x",
)


@pytest.mark.req("WS-033", "WS-035")
async def test_an_origin_of_the_same_host_and_port_passes(world: ServerWorld) -> None:
    for host, origin in _OWN:
        async with world.client() as client:
            await client.send(_from(world, host, origin))
            call = await world.called("websocket.connect")
            await call.send(ACCEPT)
            assert (await client.response()).status == 101, f"{origin} at {host}"
            await call.returns()


@pytest.mark.req("WS-036")
async def test_who_tells_no_origin_passes(world: ServerWorld) -> None:
    async with world.client() as client:
        await client.send(_from(world, "example.org"))
        call = await world.called("websocket.connect")
        assert not any(name == b"origin" for name, _ in call.message["headers"])
        await call.returns()


@pytest.mark.req("WS-033", "WS-035")
async def test_another_origin_is_refused(world: ServerWorld) -> None:
    wrong = {f"{origin} at {host}": _from(world, host, origin) for host, origin in _FOREIGN}
    assert await _statuses(world, wrong) == dict.fromkeys(wrong, 403)


@pytest.mark.req("WS-034")
async def test_an_origin_that_is_null_malformed_or_given_twice_is_refused(world: ServerWorld) -> None:
    wrong = {repr(origin): _from(world, "example.org", origin) for origin in _MALFORMED}
    wrong["twice"] = _from(world, "example.org", "https://example.org", "https://example.org")
    assert await _statuses(world, wrong) == dict.fromkeys(wrong, 403)


@pytest.mark.req("WS-033", "WS-034")
@pytest.mark.needs("allowed_origins")
async def test_an_origin_that_the_operator_has_allowed_passes(world: ServerWorld) -> None:
    server = await world.server(allowed_origins="https://friend.example")
    async with world.client(server) as client:
        await client.send(_from(world, "example.org", "https://friend.example"))
        call = await world.called("websocket.connect")
        await call.returns()
    wrong = {
        origin: _from(world, "example.org", origin)
        for origin in ("http://friend.example", "https://friend.example:8443", "https://evil.example", "null")
    }
    assert await _statuses(world, wrong, server) == dict.fromkeys(wrong, 403)


@pytest.mark.req("WS-034")
@pytest.mark.needs("allowed_origins")
async def test_null_passes_where_the_operator_has_allowed_it(world: ServerWorld) -> None:
    server = await world.server(allowed_origins="null")
    async with world.client(server) as client:
        await client.send(_from(world, "example.org", "null"))
        call = await world.called("websocket.connect")
        await call.returns()
    wrong = {"malformed": _from(world, "example.org", "nullx"), "twice": _from(world, "example.org", "null", "null")}
    assert await _statuses(world, wrong, server) == dict.fromkeys(wrong, 403)

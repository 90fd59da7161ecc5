"""What an HTTP consumer gets for a request: the first message, its body, its trailers, its end."""

from collections.abc import Iterator
from typing import Any

import pytest

from seaway.conformance.client.http import Client, connect, request

from .scripted import Consumer, Gate, Message, answer, serving, until

pytestmark = pytest.mark.anyio

OK = {"type": "http.response", "status": 200, "body": b"ok"}


async def read_continue(client: Client) -> None:
    assert (await client.response()).status == 100


async def test_the_first_message_tells_the_whole_request(is_async: bool) -> None:
    """HTTP-001, HTTP-006, HTTP-008."""
    async with serving(answer, is_async=is_async) as site, connect(site.address) as client:
        response = await client.ask("/caf%C3%A9/a+b?x=%20&y", "X-A: 1", "x-a:  2 \t", "Empty:")
        peer = client.socket.getsockname()

    message = site.only.messages[0]
    assert response.body.decode() == "/café/a+b "
    assert (message["type"], message["method"], message["path"]) == ("http.request", "GET", "/café/a+b")
    assert (message["raw_path"], message["query_string"]) == (b"/caf%C3%A9/a+b", b"x=%20&y")
    assert [(bytes(name), bytes(value)) for name, value in message["headers"]] == [
        (b"host", b"test"),
        (b"x-a", b"1"),
        (b"x-a", b"2"),
        (b"empty", b""),
    ]
    assert message["http_version"] == "1.1"
    assert message["extensions"]["interface"] == "1.0"
    assert tuple(message["client"]) == peer
    assert tuple(message["server"]) == tuple(site.address)
    defaults = {"root_path": "", "scheme": "http", "body": b"", "more_body": False, "tls": None}
    assert {key: message.get(key, default) for key, default in defaults.items()} == defaults
    assert site.only.messages[1:] == [{"type": "http.disconnect", "complete": True}]


@pytest.mark.parametrize(
    ("target", "path", "raw_path", "query"),
    [
        ("/", "/", b"/", b""),
        ("/?", "/", b"/", b""),
        ("/a?b?c", "/a", b"/a", b"b?c"),
        ("//a//b", "//a//b", b"//a//b", b""),
        ("/a/../b", "/a/../b", b"/a/../b", b""),
        ("/%2F%25", "/%2F%25".replace("%2F", "/").replace("%25", "%"), b"/%2F%25", b""),
        ("http://test/x?y", "/x", b"/x", b"y"),
    ],
)
async def test_the_target_is_split_and_decoded_once(target: str, path: str, raw_path: bytes, query: bytes) -> None:
    """HTTP-001, HTTP-085."""
    async with serving(answer) as site, connect(site.address) as client:
        await client.ask(target)

    message = site.only.messages[0]
    assert (message["path"], message["raw_path"], message.get("query_string", b"")) == (path, raw_path, query)


async def test_what_a_proxy_would_say_is_not_believed() -> None:
    """H25: by default nobody is trusted; the fields are the application's to read."""
    said = ("X-Forwarded-For: 10.0.0.1", "X-Forwarded-Proto: https", "Forwarded: for=10.0.0.1", "X-Real-IP: 10.0.0.1")
    async with serving(answer) as site, connect(site.address) as client:
        await client.ask("/", *said, "X-Forwarded-Prefix: /mounted", "X-Forwarded-Host: other")
        peer = client.socket.getsockname()

    message = site.only.messages[0]
    assert tuple(message["client"]) == peer
    assert (message["scheme"], message["root_path"], message["path"]) == ("http", "", "/")
    assert (b"x-forwarded-for", b"10.0.0.1") in [tuple(pair) for pair in message["headers"]]


async def test_the_authority_of_an_absolute_target_takes_the_place_of_host() -> None:
    """HTTP-085."""
    async with serving(answer) as site, connect(site.address) as client:
        await client.ask("http://other:81/x")

    assert [bytes(value) for name, value in site.only.messages[0]["headers"] if name == b"host"] == [b"other:81"]


async def test_a_small_body_comes_whole_however_slowly_it_arrives(is_async: bool) -> None:
    """HTTP-013."""
    async with serving(answer, is_async=is_async, body_buffer=100) as site, connect(site.address) as client:
        whole = request("/", method="POST", body=b"x" * 100)
        await client.drip(whole)
        response = await client.response()

    assert response.body == b"/ " + b"x" * 100
    assert site.only.types == ["http.request", "http.disconnect"]
    assert site.only.messages[0]["body"] == b"x" * 100


def body_of(consumer: Consumer) -> bytes:
    return b"".join(message.get("body", b"") for message in consumer.messages[:-1])


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_other_bodies_begin_at_once_and_are_streamed(is_async: bool, framing: str) -> None:
    """HTTP-014."""
    parts = [b"first", b"second", b"third"]
    async with serving(answer, is_async=is_async, body_buffer=4) as site, connect(site.address) as client:
        if framing == "length":
            await client.send(request("/", f"Content-Length: {len(b''.join(parts))}", method="POST"))
        else:
            await client.send(request("/", "Transfer-Encoding: chunked", method="POST"))
        await until(lambda: site.consumers and site.only.messages, "the request without any of its body")
        for count, part in enumerate(parts, 1):
            await client.send(part if framing == "length" else b"%x\r\n%s\r\n" % (len(part), part))
            so_far = b"".join(parts[:count])
            await until(lambda so_far=so_far: site.only.state.get("body") == so_far, f"{so_far!r}")
        if framing == "chunked":
            await client.send(b"0\r\n\r\n")
        response = await client.response()

    assert response.body == b"/ firstsecondthird"
    assert site.only.messages[0]["more_body"] is True
    assert body_of(site.only) == b"firstsecondthird"
    assert [message.get("more_body", False) for message in site.only.messages[:-1]][-1] is False


async def test_a_body_is_not_read_faster_than_its_consumer_takes_it(is_async: bool) -> None:
    """HTTP-017: the rest of it waits in the sockets, which have an end."""
    gate = Gate()

    def slow(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            yield consumer.wait, gate
        yield from answer(consumer, message)

    body = bytes(8 * 1024 * 1024)
    async with serving(slow, is_async=is_async) as site, connect(site.address, send_buffer=65536) as client:
        await client.send(request("/", f"Content-Length: {len(body)}", method="POST"))
        await until(lambda: gate.waiting == 1)
        taken = await client.stuff(body)
        gate.open()
        await client.send(body[taken:])
        response = await client.response()

    assert taken < len(body)
    assert response.body == b"/ " + body


async def test_trailers_follow_the_body_and_are_not_merged(is_async: bool) -> None:
    """HTTP-003, HTTP-009, HTTP-010."""

    def after_trailers(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request.trailers":
            yield consumer.send, OK

    head = request("/", "Transfer-Encoding: chunked", "Trailer: x-sum", method="POST")
    async with serving(after_trailers, is_async=is_async) as site, connect(site.address) as client:
        await client.send(head + b"2\r\nhi\r\n0\r\nX-Sum: 7\r\nX-A: b\r\n\r\n")
        response = await client.response()

    assert response.status == 200
    assert body_of(site.only) == b"hi"
    trailers = site.only.messages[-2]
    assert trailers["type"] == "http.request.trailers"
    assert [tuple(pair) for pair in trailers["headers"]] == [(b"x-sum", b"7"), (b"x-a", b"b")]
    assert b"x-sum" not in dict(site.only.messages[0]["headers"])


@pytest.mark.parametrize("framing", ["Content-Length: 2", "Transfer-Encoding: chunked"])
async def test_the_client_is_told_to_continue_when_the_consumer_has_not_answered(is_async: bool, framing: str) -> None:
    """HTTP-014, HTTP-015."""
    async with serving(answer, is_async=is_async) as site, connect(site.address) as client:
        await client.send(request("/", framing, "Expect: 100-Continue", method="POST"))
        await read_continue(client)
        await client.send(b"hi" if "Length" in framing else b"2\r\nhi\r\n0\r\n\r\n")
        response = await client.response()

    assert response.body == b"/ hi"
    assert site.only.messages[0]["more_body"] is True


async def test_a_consumer_that_refuses_at_once_sends_no_100(is_async: bool) -> None:
    """HTTP-016. The body that was not sent cannot be skipped, so the connection ends."""

    def refuse(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            yield consumer.send, {"type": "http.response", "status": 413, "body": b"no"}

    async with serving(refuse, is_async=is_async) as site, connect(site.address) as client:
        await client.send(request("/", "Content-Length: 100000", "Expect: 100-continue", method="POST"))
        response = await client.response()

        assert response.status == 413
        assert await client.ended() == b""
    assert site.only.messages[-1]["complete"] is True


@pytest.mark.parametrize(
    ("version", "fields", "status"),
    [("1.1", ["Expect: something"], 417), ("1.0", ["Expect: 100-continue", "Content-Length: 0"], 200)],
)
async def test_other_expectations(version: str, fields: list[str], status: int) -> None:
    """HTTP-065, HTTP-066."""
    async with serving(answer) as site, connect(site.address) as client:
        assert (await client.ask("/", *fields, version=version)).status == status


@pytest.mark.parametrize("end", ["close", "finish", "reset"])
async def test_a_client_that_goes_is_a_disconnect(is_async: bool, end: str) -> None:
    """HTTP-011: while the consumer has not answered, and in the middle of the body."""

    def never(consumer: Consumer, message: Message) -> None:
        return None

    async with serving(never, is_async=is_async) as site:
        for data in (request(), request("/", "Content-Length: 100000", method="POST") + b"x" * 10):
            known = len(site.consumers)
            async with connect(site.address) as client:
                await client.send(data)
                await until(lambda known=known: len(site.consumers) > known and site.consumers[-1].messages)
                getattr(client, end)()
                await until(lambda: site.consumers[-1].over, "the disconnect")

    for consumer in site.consumers:
        assert consumer.messages[-1] == {"type": "http.disconnect", "complete": False}


async def test_a_fault_in_the_body_is_a_disconnect_and_400() -> None:
    """HTTP-077."""
    async with serving(answer) as site, connect(site.address) as client:
        await client.send(request("/", "Transfer-Encoding: chunked", method="POST") + b"2\r\nhi\r\n")
        await until(lambda: site.consumers and site.only.state.get("body") == b"hi")
        await client.send(b"no size\r\n")

        assert (await client.response()).status == 400
        assert await client.ended() == b""
        await until(lambda: site.only.over)

    assert site.only.messages[-1] == {"type": "http.disconnect", "complete": False}

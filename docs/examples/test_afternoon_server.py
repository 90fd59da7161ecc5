"""The afternoon server against the text: the vectors, a client on a socket, and recorded exchanges."""

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import afternoon_websocket
import pytest
from afternoon_layer import AfternoonLayer
from afternoon_message import decode
from afternoon_server import Chat, Mailbox, Message, Server
from afternoon_websocket import check_sent, parse, response

from seaway.spec import to_json, validate
from seaway.spec.exchange import check_exchange

VECTORS = Path(afternoon_websocket.__file__).parents[2] / "spec/seaway/spec/vectors"
SOON = 10  # seconds that no test waits unless something is wrong
REQUEST = {
    "host": "example.org",
    "upgrade": "websocket",
    "connection": "Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
}
clients: list["Client"] = []  # to be closed after a test
Act = Callable[["Recorder", Message], Coroutine[Any, Any, object]]


class FakeLayer:
    """An asynchronous layer that hands out what a test puts in, and notes what it is asked for."""

    is_async, interface, extensions = True, "1.0", frozenset[str]()
    capacity, expiry, max_message_size = 100, 60, 1 << 20

    class ChannelFull(Exception):  # noqa: N818
        """No room."""

    class MessageTooLarge(Exception):  # noqa: N818
        """Too large."""

    def __init__(self) -> None:
        self.arriving: asyncio.Queue[tuple[str, Message]] = asyncio.Queue()
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, None]]:
        async def note(*args: Any) -> None:
            self.calls.append((name, *args))

        return note

    async def new_channel(self, pattern: str) -> str:
        return pattern[:-1] + ".abc!"

    async def receive(self, channels: list[str], timeout: float | None = None) -> tuple[str, Message]:
        return await self.arriving.get()

    async def give(self, channel: str, *messages: Message) -> None:
        """Let the server take messages, and return when it has."""
        for message in messages:
            self.arriving.put_nowait((channel, message))
        while not self.arriving.empty():
            await asyncio.sleep(0)
        await asyncio.sleep(0)


class Recorder:
    """Makes consumers that do what `act` does, and writes down what went to and fro."""

    def __init__(self, act: Act) -> None:
        self.act, self.lines, self.messages = act, [dict[str, Any](protocol="websocket")], list[Message]()
        self.changed, self.is_async, self.types = asyncio.Event(), True, ("websocket",)
        self.wanted: Callable[[Message], bool] | None = None

    def __call__(self, type: str, channel_layer: Any, consumer_channel: str, send: Any) -> Any:
        self.layer, self.channel, self.raw_send = channel_layer, consumer_channel, send
        return self.consumer

    async def send(self, message: Message) -> None:
        await self.raw_send(message)
        self.lines.append({"direction": "from-consumer", "message": to_json(message)})

    async def consumer(self, message: Message) -> None:
        validate(message, "to-consumer")
        self.lines.append({"direction": "to-consumer", "message": to_json(message)})
        self.messages.append(message)
        self.changed.set()
        try:
            await self.act(self, message)
        except ConnectionError:  # out of `send`, and so it counts as a return (CON-058)
            self.lines.append({"event": "returned"})
            raise
        except BaseException:
            self.lines.append({"event": "raised"})
            raise
        self.lines.append({"event": "returned"})

    @property
    def types_given(self) -> list[str]:
        return [message["type"] for message in self.messages]

    async def until(self, kind: str, count: int = 1) -> Message:
        """Return the last message of this type once there are so many."""
        async with asyncio.timeout(SOON):
            while self.types_given.count(kind) < count:
                self.changed.clear()
                await self.changed.wait()
        return [message for message in self.messages if message["type"] == kind][-1]


class Client:
    """The other end: as much of WebSocket as the tests need, and as little as they must send."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def request(self, changes: dict[str, Any] | None = None, start: str = "GET /chat?a=1 HTTP/1.1") -> int:
        fields = {**REQUEST, **(changes or {})}
        lines = [f"{name}: {value}" for name, values in fields.items() for value in _as_list(values)]
        self.writer.write("\r\n".join([start, *lines, "", ""]).encode("latin-1"))
        return await self.status()

    async def status(self) -> int:
        async with asyncio.timeout(SOON):
            self.head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        return int(self.head.split()[1])

    def frame(self, opcode: int, payload: bytes = b"", last: bool = True, **wrong: Any) -> None:
        size = len(payload)
        start = bytes([opcode | (0x80 if last else 0) | wrong.get("bits", 0)])
        masked = 0 if wrong.get("bare") else 0x80
        if size < 126 and not wrong.get("long"):
            start += bytes([masked | size])
        elif size < 1 << 16:
            start += bytes([masked | 126]) + size.to_bytes(2)
        else:
            start += bytes([masked | 127]) + size.to_bytes(8)
        mask = os.urandom(4)
        body = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        self.writer.write(start + (mask + body if masked else payload))

    async def read(self) -> tuple[int, bytes]:
        async with asyncio.timeout(SOON):
            first, second = await self.reader.readexactly(2)
            assert first & 0x70 == 0
            assert first & 0x80
            assert second & 0x80 == 0
            size = second
            if second > 125:
                size = int.from_bytes(await self.reader.readexactly(2 if second == 126 else 8))
            return first & 0x0F, await self.reader.readexactly(size)

    async def closed(self) -> int | None:
        """Return the code of the close frame that comes next, and see the end of the stream after an answer."""
        opcode, payload = await self.read()
        assert opcode == 8
        self.frame(8, payload[:2])
        await self.gone()
        return int.from_bytes(payload[:2]) if payload else None

    async def gone(self) -> None:
        async with asyncio.timeout(SOON):
            with suppress(ConnectionError):
                assert await self.reader.read() == b""


def _as_list(values: Any) -> list[str]:
    return [] if values is None else values if isinstance(values, list) else [values]


@asynccontextmanager
async def serving(application: Any, layer: Any = None, **settings: Any) -> AsyncIterator[Server]:
    server = Server(application, layer or FakeLayer(), **{"grace": 5.0, **settings})
    task = asyncio.create_task(server.run())
    ready = asyncio.create_task(server.ready.wait())
    await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
    try:
        yield server
    finally:
        server.stop()
        server.stop()
        async with asyncio.timeout(SOON):
            await task
        for client in clients:
            client.writer.transport.abort()
        await asyncio.sleep(0)
        clients.clear()
        assert not server.connections
        if isinstance(application, Recorder) and application.messages:
            assert check_exchange(application.lines) == []
            assert application.types_given.count("websocket.disconnect") == 1
            assert ("close_channel", application.channel) in getattr(server.layer, "calls", [server.layer]) or layer


async def connect(server: Server) -> Client:
    client = Client(*await asyncio.open_connection("127.0.0.1", server.port))
    clients.append(client)
    return client


async def opened(server: Server) -> Client:
    client = await connect(server)
    assert await client.request() == 101
    return client


async def echo(self: Recorder, message: Message) -> None:
    match message["type"]:
        case "websocket.connect":
            await self.send({"type": "websocket.accept"})
        case "websocket.receive":
            await self.send({"type": "websocket.send", "text": message.get("text"), "bytes": message.get("bytes")})


async def until_ended(server: Server) -> None:
    async with asyncio.timeout(SOON):
        while server.connections:
            await asyncio.sleep(0)


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, None]], None]:
    return asyncio.run


# The vectors


def vectors(*names: str, valid: bool) -> list[Any]:
    cases = []
    for name in names:
        file = json.loads((VECTORS / f"{name}.json").read_text())
        cases += [(name, case) for case in file["valid" if valid else "invalid"]]
        cases += [(name, case) for case in file.get("boundary", []) if case["valid"] is valid]
    return [pytest.param(case, id=f"{name}: {case['description']}") for name, case in cases]


SENT = ("websocket.accept", "websocket.reject", "websocket.send", "websocket.close", "server.wake.from")


@pytest.mark.parametrize("case", vectors(*SENT, valid=True))
def test_what_may_be_sent(case: dict[str, Any]) -> None:
    message = decode(json.dumps(case["message"]))
    validate(message, "from-consumer")
    assert check_sent(message) == message["type"]


@pytest.mark.parametrize("case", vectors(*SENT, valid=False))
def test_what_may_not_be_sent(case: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=case["requirement"]) as error:
        check_sent(decode(json.dumps(case["message"])))
    assert str(error.value).startswith(case["field"])


OTHERS = sorted(path.stem for path in VECTORS.glob("*.json") if "schema" in json.loads(path.read_text()))
OTHERS = [name for name in OTHERS if name not in {*SENT, "server.wake.to"}]  # that one lacks only `after`


@pytest.mark.parametrize("case", vectors(*OTHERS, valid=True))
def test_what_only_others_may_send(case: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="MSG-027"):
        check_sent(decode(json.dumps(case["message"])))


VALUES = json.loads((VECTORS / "values.json").read_text())["invalid"]


@pytest.mark.parametrize("case", VALUES, ids=lambda case: case["description"])
def test_values_that_no_message_may_have(case: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=case["requirement"]):
        check_sent(decode(case["text"]))


# The handshake


def head(changes: dict[str, Any], start: str = "GET /chat HTTP/1.1") -> bytes:
    fields = {**REQUEST, **changes}
    lines = [f"{name}: {value}" for name, values in fields.items() for value in _as_list(values)]
    return "\r\n".join([start, *lines, "", ""]).encode("latin-1")


def answer(changes: dict[str, Any], start: str = "GET /chat HTTP/1.1", **settings: Any) -> int:
    try:
        parse(head(changes, start), settings.get("types", ["websocket"]), settings.get("origins", ()), 100)
    except afternoon_websocket.Refusal as refusal:
        return refusal.status
    return 101


@pytest.mark.parametrize(
    ("origin", "host", "status"),
    [
        ("https://example.org", "example.org", 101),
        ("https://example.org", "example.org:443", 101),
        ("http://example.org:8000", "example.org:8000", 101),
        ("https://evil.example", "example.org", 403),
        ("https://example.org", "example.org:8000", 403),
        ("null", "example.org", 403),
        (None, "example.org", 101),
        ("HTTP://EXAMPLE.org", "Example.ORG", 101),
        ("http://example.org", "example.org:443", 403),
        ("http://[::1]:80", "[::1]", 101),
        ("example.org", "example.org", 403),
        ("https://example.org/", "example.org", 403),
        ("https://a@example.org", "example.org", 403),
        ("", "example.org", 403),
        (["https://example.org", "https://example.org"], "example.org", 403),
    ],
)
def test_the_origin(origin: Any, host: str, status: int) -> None:
    assert answer({"origin": origin, "host": host}) == status


def test_origins_that_the_operator_allows() -> None:
    allowed = ["null", "https://other.example"]
    assert [answer({"origin": origin}, origins=allowed) for origin in allowed] == [101, 101]
    assert answer({"origin": "https://third.example"}, origins=allowed) == 403


@pytest.mark.parametrize(
    ("changes", "start", "status"),
    [
        ({"upgrade": "h2c, WebSocket", "connection": "keep-alive, UPGRADE"}, "GET / HTTP/1.1", 101),
        ({"connection": ["keep-alive", "upgrade"]}, "GET / HTTP/1.1", 101),
        ({"upgrade": None}, "GET / HTTP/1.1", 426),
        ({"connection": "close"}, "GET / HTTP/1.1", 426),
        ({}, "GET / HTTP/1.0", 426),
        ({}, "POST / HTTP/1.1", 400),
        ({"content-length": "1"}, "GET / HTTP/1.1", 400),
        ({"content-length": "0"}, "GET / HTTP/1.1", 101),
        ({"transfer-encoding": "chunked"}, "GET / HTTP/1.1", 400),
        ({"sec-websocket-version": "8"}, "GET / HTTP/1.1", 426),
        ({"sec-websocket-version": None}, "GET / HTTP/1.1", 426),
        ({"sec-websocket-key": None}, "GET / HTTP/1.1", 400),
        ({"sec-websocket-key": [REQUEST["sec-websocket-key"]] * 2}, "GET / HTTP/1.1", 400),
        ({"sec-websocket-key": "dGhlIHNhbXBsZSBub25jZR=="}, "GET / HTTP/1.1", 400),
        ({"sec-websocket-protocol": "a, b"}, "GET / HTTP/1.1", 101),
        ({"sec-websocket-protocol": "a, a"}, "GET / HTTP/1.1", 400),
        ({"sec-websocket-protocol": "a b"}, "GET / HTTP/1.1", 400),
        ({"host": None}, "GET / HTTP/1.1", 400),
        ({"host": ["a", "b"]}, "GET / HTTP/1.1", 400),
        ({"x": "a\0"}, "GET / HTTP/1.1", 400),
        ({"x": "a\nb"}, "GET / HTTP/1.1", 400),
        ({"x y": "a"}, "GET / HTTP/1.1", 400),
        ({"x": ["a"] * 100}, "GET / HTTP/1.1", 431),
        ({}, "GET  / HTTP/1.1", 400),
        ({}, "GET /%zz HTTP/1.1", 400),
        ({}, "GET /%ff HTTP/1.1", 400),
        ({}, "GET / HTTP/1.2", 505),
        ({}, "GET / HTTQ/1.1", 400),
    ],
)
def test_the_handshake(changes: dict[str, Any], start: str, status: int) -> None:
    assert answer(changes, start) == status


def test_an_application_without_websocket_is_never_called() -> None:
    assert answer({}, types=["http"]) == 501


def test_what_the_consumer_is_told() -> None:
    request = head({"sec-websocket-protocol": "b, a", "x-Long": " a b "}, "GET /caf%C3%A9/%2F?q=%zz?1 HTTP/1.1")
    message = parse(request, ["websocket"], [], 100)
    validate(message, "to-consumer")
    assert (message["path"], message["raw_path"]) == ("/café//", b"/caf%C3%A9/%2F")
    assert message["query_string"] == b"q=%zz?1"
    assert message["subprotocols"] == ["b", "a"]
    assert (b"x-long", b"a b") in message["headers"]


def test_a_response_of_the_server() -> None:
    assert b"content-length: 2\r\n" in response(404, [], b"no")
    assert b"content-length" not in response(204, [(b"content-length", b"0")])


# A client on a socket


def test_an_exchange(run: Any) -> None:
    async def test() -> None:
        app = Recorder(echo)
        async with serving(app) as server:
            client = await connect(server)
            client.writer.write(head({}))
            client.frame(1, b"early")  # right behind the handshake (WS-032)
            assert await client.status() == 101
            assert "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=" in client.head
            assert await client.read() == (1, b"early")
            client.frame(1, "hé".encode()[:2], last=False)
            client.frame(9, b"ping")  # within a message
            client.frame(0, "hé".encode()[2:])
            assert {await client.read() for _ in range(2)} == {(10, b"ping"), (1, "hé".encode())}
            for size in (0, 125, 126, 65535, 65536):
                client.frame(2, b"x" * size)
                assert await client.read() == (2, b"x" * size)
            client.frame(8, (4000).to_bytes(2) + b"bye")
            assert await client.read() == (8, (4000).to_bytes(2) + b"bye")
            await client.gone()
            last = await app.until("websocket.disconnect")
            assert (last["code"], last["reason"]) == (4000, "bye")
            await until_ended(server)
            assert ("close_channel", app.channel) in server.layer.calls
        assert len({line["message"]["type"] for line in app.lines if "message" in line}) == 5

    run(test())


@pytest.mark.parametrize(
    ("payload", "told", "answered"),
    [(b"", 1005, None), ((1001).to_bytes(2), 1001, 1001), (b"\x03", 1002, 1002), ((1005).to_bytes(2), 1002, 1002)],
)
def test_the_client_closes(payload: bytes, told: int, answered: int | None, run: Any) -> None:
    async def test() -> None:
        app = Recorder(echo)
        async with serving(app) as server:
            client = await opened(server)
            client.frame(8, payload)
            opcode, answer = await client.read()
            assert (opcode, int.from_bytes(answer[:2]) if answer else None) == (8, answered)
            assert (await app.until("websocket.disconnect"))["code"] == told

    run(test())


WRONG: list[tuple[str, Callable[[Client], None], int]] = [
    ("not masked", lambda client: client.frame(1, b"a", bare=True), 1002),
    ("a reserved bit", lambda client: client.frame(1, b"a", bits=0x40), 1002),
    ("a reserved opcode", lambda client: client.frame(3, b"a"), 1002),
    ("a control frame in parts", lambda client: client.frame(9, b"a", last=False), 1002),
    ("a long control frame", lambda client: client.frame(9, b"a" * 126), 1002),
    ("a continuation of nothing", lambda client: client.frame(0, b"a"), 1002),
    ("a long length for a short frame", lambda client: client.frame(1, b"a", long=True), 1002),
    ("not UTF-8", lambda client: client.frame(1, b"\xff"), 1007),
    ("a reason that is not UTF-8", lambda client: client.frame(8, b"\x03\xe8\xff"), 1007),
    ("too large, of which only the length came", lambda client: client.writer.write(b"\x82\xfe\x04\1"), 1009),
]  # fmt: skip


@pytest.mark.parametrize(("name", "do", "code"), WRONG, ids=[name for name, _, _ in WRONG])
def test_frames_that_end_it(name: str, do: Callable[[Client], None], code: int, run: Any) -> None:
    async def test() -> None:
        app = Recorder(echo)
        async with serving(app, websocket_max_size=1024) as server:
            client = await opened(server)
            do(client)
            opcode, payload = await client.read()
            assert (opcode, int.from_bytes(payload[:2])) == (8, code)
            assert (await app.until("websocket.disconnect"))["code"] == code
            client.writer.close()

    run(test())


def test_a_message_is_bounded_over_its_fragments(run: Any) -> None:
    async def test() -> None:
        app = Recorder(echo)
        async with serving(app, websocket_max_size=1024) as server:
            client = await opened(server)
            client.frame(2, b"x" * 1024)
            assert await client.read() == (2, b"x" * 1024)
            client.frame(2, b"x" * 1024, last=False)
            client.frame(0, b"x")
            assert await client.closed() == 1009

    run(test())


def test_a_client_that_vanishes(run: Any) -> None:
    async def test() -> None:
        for early in (True, False):
            app = Recorder(echo if not early else wait_for_more)
            async with serving(app) as server:
                client = await connect(server)
                client.writer.write(head({}))
                if not early:
                    assert await client.status() == 101
                await app.until("websocket.connect")
                client.writer.close()
                assert (await app.until("websocket.disconnect"))["code"] == 1006
                with pytest.raises(ConnectionError):
                    await app.send({"type": "websocket.send", "text": "a"})
                with pytest.raises(ConnectionError):
                    await app.send({"type": "server.wake", "after": 1})
                with pytest.raises(ValueError, match="MSG-027"):
                    await app.send({"type": "http.response", "status": 200})

    run(test())


async def wait_for_more(self: Recorder, message: Message) -> None:
    pass


# States and failures


def test_send_before_the_first_call(run: Any) -> None:
    async def test() -> None:
        errors = []

        class Eager(Recorder):
            def __call__(self, *args: Any) -> Any:
                self.early = asyncio.create_task(args[3]({"type": "websocket.accept"}))
                self.early.add_done_callback(lambda task: errors.append(task.exception()))
                return super().__call__(*args)

        async with serving(Eager(echo)) as server:
            await opened(server)
        assert "CON-029" in str(errors[0])

    run(test())


def test_states(run: Any) -> None:
    async def refused(self: Recorder, kind: str, rule: str, **keys: Any) -> None:
        with pytest.raises(ValueError, match=rule):
            await self.send({"type": kind, **keys})

    async def act(self: Recorder, message: Message) -> None:
        if message["type"] == "websocket.connect":
            await refused(self, "websocket.close", "websocket.reject.*WS-018")
            await refused(self, "websocket.accept", "WS-019", subprotocol="c")
            await refused(self, "websocket.accept", "WS-020", headers=[(b"sec-websocket-x", b"1")])
            await self.send({"type": "websocket.accept", "subprotocol": "b", "headers": [(b"x", b"1")]})
            await refused(self, "websocket.accept", "WS-015")
            await refused(self, "websocket.reject", "WS-015")
            await self.send({"type": "websocket.close", "code": 4001, "reason": "é"})
            for kind in ("websocket.send", "websocket.close"):
                await refused(self, kind, "WS-015", **({"text": "a"} if kind == "websocket.send" else {}))
        elif message["type"] == "websocket.disconnect":
            assert (message["code"], message["reason"]) == (4001, "é")
            await refused(self, "websocket.send", "WS-015", text="a")

    async def test() -> None:
        app = Recorder(act)
        async with serving(app) as server:
            client = await connect(server)
            assert await client.request({"sec-websocket-protocol": "a, b"}) == 101
            assert "\r\nsec-websocket-protocol: b\r\n" in client.head
            assert "\r\nx: 1\r\n" in client.head
            client.frame(1, b"discarded")
            assert await client.closed() == 4001
            await app.until("websocket.disconnect")
        assert app.types_given == ["websocket.connect", "websocket.disconnect"]
        assert app.lines[-1] == {"event": "returned"}

    run(test())


def test_send_accepts(run: Any) -> None:
    async def act(self: Recorder, message: Message) -> None:
        if message["type"] == "websocket.connect":
            await self.send({"type": "websocket.send", "bytes": b"\0"})

    async def test() -> None:
        async with serving(Recorder(act)) as server:
            assert await (await opened(server)).read() == (2, b"\0")

    run(test())


def test_reject(run: Any) -> None:
    async def act(self: Recorder, message: Message) -> None:
        if message["type"] == "websocket.connect":
            await self.send({"type": "websocket.reject", "status": 401, "headers": [(b"x", b"1")], "body": b"no"})
            with pytest.raises(ValueError, match="WS-015"):
                await self.send({"type": "websocket.accept"})

    async def test() -> None:
        app = Recorder(act)
        async with serving(app) as server:
            client = await connect(server)
            assert await client.request() == 401
            assert "\r\nx: 1\r\n" in client.head
            assert await client.reader.read() == b"no"
            assert (await app.until("websocket.disconnect"))["code"] == 1006

    run(test())


@pytest.mark.parametrize("error", [KeyError("secret"), SystemExit(1), KeyboardInterrupt(), asyncio.CancelledError()])
@pytest.mark.parametrize("when", ["websocket.connect", "websocket.receive", "websocket.disconnect"])
def test_an_exception(error: BaseException, when: str, run: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def act(self: Recorder, message: Message) -> None:
        if message["type"] == when:
            raise error
        await echo(self, message)

    async def test() -> None:
        app = Recorder(act)
        async with serving(app) as server:
            client = await connect(server)
            if when == "websocket.connect":
                assert await client.request() == 500
                assert b"secret" not in await client.reader.read()
            else:
                assert await client.request() == 101
                client.frame(1, b"a")
                client.frame(1, b"b")
                if when == "websocket.receive":
                    assert await client.closed() == 1011
                else:
                    client.frame(8)
            code = (await app.until("websocket.disconnect"))["code"]
            assert code == {"websocket.connect": 1006, "websocket.receive": 1011, "websocket.disconnect": 1005}[when]
            assert app.types_given.count("websocket.receive") == {"websocket.receive": 1, "websocket.connect": 0}.get(
                when, 2
            )
            await until_ended(server)
            assert (await (await connect(server)).request({"host": None})) == 400  # it goes on
        records = [record for record in caplog.records if record.exc_info]
        assert len(records) == 1

    run(test())


@pytest.mark.parametrize("kind", ["raises", "not callable"])
def test_an_application_that_fails(kind: str, run: Any, caplog: pytest.LogCaptureFixture) -> None:
    def application(*args: Any) -> Any:
        assert kind != "raises"

    async def test() -> None:
        async with serving(application) as server:
            assert await (await connect(server)).request() == 500
            assert server.layer.calls[-1] == ("close_channel", server.inbox + "0")
        assert len([record for record in caplog.records if record.exc_info]) == 1

    run(test())


def test_a_consumer_that_is_not_asynchronous(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    def application(*args: Any) -> Any:
        return lambda message: None

    async def test() -> None:
        async with serving(application) as server:
            assert await (await connect(server)).request() == 500
            await until_ended(server)
        assert "CON-017" in caplog.text

    run(test())


def test_a_synchronous_application_is_refused() -> None:
    with pytest.raises(TypeError, match="CON-016"):
        Server(type("Sync", (), {"is_async": False}), FakeLayer())


def test_an_application_with_a_lifespan_is_refused() -> None:
    with pytest.raises(TypeError, match="LIF-003"):
        Server(type("Life", (), {"types": ("websocket", "lifespan")}), FakeLayer())


def test_the_error_of_a_send_to_nobody_counts_as_a_return(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def act(self: Recorder, message: Message) -> None:
        if message["type"] == "websocket.connect":
            await self.send({"type": "websocket.accept"})
        elif message["type"] == "websocket.receive":
            await self.server_sees_the_end.wait()  # type: ignore[attr-defined]
            await self.raw_send({"type": "websocket.send", "text": "a"})

    async def test() -> None:
        app = Recorder(act)
        app.server_sees_the_end = asyncio.Event()  # type: ignore[attr-defined]
        async with serving(app) as server:
            client = await opened(server)
            client.frame(1, b"a")
            client.frame(8)
            await client.closed()
            app.server_sees_the_end.set()  # type: ignore[attr-defined]
            await app.until("websocket.disconnect")
        assert not [record for record in caplog.records if record.exc_info]

    run(test())


# The mailbox

BOUNDS = {"socket_messages": 16, "socket_bytes": 1 << 16, "layer_messages": 4, "layer_bytes": 1000}


def line(text: str) -> Message:
    return {"type": "chat.line", "text": text}


def show(message: Message) -> str:
    if message["type"] == "layer.gap":
        return f"gap({message['dropped']})"
    return str(message.get("text", message["type"]))


async def drained(mailbox: Mailbox) -> list[str]:
    got = []
    while mailbox.line or mailbox.side:
        got.append(show(await mailbox.get()))
    return got


def test_the_sources_take_turns(run: Any) -> None:
    async def test() -> None:
        mailbox = Mailbox(BOUNDS)
        for text in ("S1", "S2", "S3"):
            mailbox.put(line(text), 2)
        for text in ("L1", "L2"):
            mailbox.put_layer(line(text))
        assert await drained(mailbox) == ["S1", "L1", "S2", "L2", "S3"]

    run(test())


def test_the_layer_overflows_as_in_the_example(run: Any) -> None:
    async def test() -> None:
        mailbox = Mailbox(BOUNDS)
        for n in range(1, 8):
            mailbox.put_layer(line(str(n)))
        assert [show(await mailbox.get()) for _ in range(2)] == ["1", "2"]
        for n in (8, 9):
            mailbox.put_layer(line(str(n)))
        assert [show(message) for message, _ in mailbox.side] == ["3", "4", "gap(3)", "8", "9"]
        for n in range(10, 15):
            mailbox.put_layer(line(str(n)))
        assert await drained(mailbox) == ["3", "4", "gap(3)", "8", "9", "gap(5)"]

    run(test())


def test_the_layer_overflows_in_bytes(run: Any) -> None:
    async def test() -> None:
        mailbox = Mailbox(BOUNDS)
        mailbox.put_layer(line("x" * 5000))  # admitted, for there is nothing else
        mailbox.put_layer(line("y"))
        mailbox.put_layer({"type": "layer.gap", "reason": "expired", "dropped": 1})
        mailbox.put_layer(line("z"))
        got = [await mailbox.get() for _ in range(3)]
        assert [(message.get("reason"), message.get("dropped")) for message in got[1:]] == [
            ("overflow", 2),
            ("expired", 1),
        ]

    run(test())


def test_the_servers_own_messages_go_before_the_layers(run: Any) -> None:
    async def test() -> None:
        mailbox = Mailbox(BOUNDS)
        mailbox.put(line("S1"), 2)
        mailbox.put_layer(line("L1"))
        mailbox.put_layer(line("L2"))
        mailbox.put({"type": "server.drain"})
        mailbox.put(line("S2"), 2)
        assert [show(await mailbox.get()) for _ in range(3)] == ["S1", "server.drain", "L1"]
        mailbox.put_last({"type": "websocket.disconnect"})
        assert await drained(mailbox) == ["S2", "websocket.disconnect"]

    run(test())


def test_a_full_mailbox_stops_the_socket(run: Any) -> None:
    async def act(self: Recorder, message: Message) -> None:
        await echo(self, message)
        if message["type"] == "websocket.connect":
            await self.gate.wait()  # type: ignore[attr-defined]

    async def test() -> None:
        app = Recorder(act)
        app.gate = asyncio.Event()  # type: ignore[attr-defined]
        async with serving(app, socket_messages=2) as server:
            client = await opened(server)
            mailbox = server.connections[app.channel].mailbox
            client.writer.transport.set_write_buffer_limits(0)
            count = 0
            async with asyncio.timeout(SOON):
                while len(mailbox.line) < 2 or not client.writer.transport.get_write_buffer_size():
                    client.frame(2, b"%5d" % count + b"x" * 60000)
                    count += 1
                    await asyncio.sleep(0)
            assert len(mailbox.line) == 2
            app.gate.set()  # type: ignore[attr-defined]
            for n in range(count):
                assert int((await client.read())[1][:5]) == n

    run(test())


# The layer


def test_messages_of_the_layer(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        app = Recorder(echo)
        async with serving(app) as server:
            await opened(server)
            layer, inbox = server.layer, server.inbox
            assert app.channel.startswith(inbox)
            for kind in ("websocket.receive", "http.request", "server.wake", "bridge.open"):
                await layer.give(app.channel, {"type": kind}, {"type": kind})
            await layer.give(inbox, line("nobody"))
            await layer.give(inbox + "nobody", line("nobody"))
            assert server.unknown == 2
            await layer.give(inbox, {"type": "layer.gap", "reason": "lost", "dropped": 5})
            await layer.give(app.channel, {"type": "layer.gap", "reason": "expired", "dropped": 2})
            await layer.give(app.channel, line("mine"))
            await app.until("chat.line")
            assert [show(message) for message in app.messages[1:]] == ["gap(None)", "gap(2)", "mine"]
        assert caplog.text.count("MSG-022") == 4

    run(test())


def test_the_view(run: Any) -> None:
    async def test() -> None:
        app = Recorder(echo)
        async with serving(app) as server:
            client, view = await opened(server), None
            view = app.layer
            assert (view.is_async, view.interface, view.capacity) == (True, "1.0", 100)
            assert (view.ChannelFull, view.MessageTooLarge) == (FakeLayer.ChannelFull, FakeLayer.MessageTooLarge)
            for method in (view.receive, view.new_channel, view.close_channel, view.flush, view.statistics, view.close):
                with pytest.raises(RuntimeError, match="CON-021"):
                    await method()
            for method in (view.group_add, view.group_discard):
                with pytest.raises(ValueError, match="CON-022"):
                    await method("g", server.inbox + "other")
            await view.group_add("g", app.channel)
            await view.send_group("g", line("a"))
            await view.send("a", line("a"))
            client.frame(8)
            await until_ended(server)
            with pytest.raises(RuntimeError, match="CON-023"):
                await view.group_add("g", app.channel)
            names = [call[0] for call in server.layer.calls]
            assert names == ["group_add", "send_group", "send", "close_channel"]

    run(test())


def test_a_chat_over_two_servers_and_the_afternoon_layer(run: Any, tmp_path: Path) -> None:
    async def test() -> None:
        path = str(tmp_path / "layer")
        async with serving(Chat, AfternoonLayer(path)) as one, serving(Chat, AfternoonLayer(path)) as two:
            anna, bert = await opened(one), await opened(two)
            anna.frame(1, b"hello")
            assert await anna.read() == await bert.read() == (1, b"hello")
            bert.frame(8)
            await until_ended(two)
            anna.frame(1, b"anybody?")
            assert await anna.read() == (1, b"anybody?")

    run(test())


# Time, limits, shutdown


def test_wake(run: Any) -> None:
    async def act(self: Recorder, message: Message) -> None:
        if message["type"] == "websocket.connect":
            await self.send({"type": "websocket.accept"})
            await self.send({"type": "server.wake", "after": 1e300})
            self.asked = asyncio.get_running_loop().time()  # type: ignore[attr-defined]
            await self.send({"type": "server.wake", "after": 0.02})
        elif message["type"] == "server.wake" and self.types_given.count("server.wake") == 1:
            assert asyncio.get_running_loop().time() >= self.asked + 0.02  # type: ignore[attr-defined]
            await self.send({"type": "server.wake", "after": 0})
            mailbox = self.server.connections[self.channel].mailbox  # type: ignore[attr-defined]
            while not mailbox.line:
                await asyncio.sleep(0)
            await self.send({"type": "server.wake", "after": None})  # one that is filed is cancelled too
            assert not mailbox.line
            await self.send({"type": "server.wake", "after": 0})
            await self.send({"type": "server.wake", "after": 0})

    async def test() -> None:
        app = Recorder(act)
        async with serving(app) as server:
            app.server = server  # type: ignore[attr-defined]
            await opened(server)
            await app.until("server.wake", 2)
            await server.layer.give(app.channel, line("a"))
            await app.until("chat.line")
            assert app.types_given.count("server.wake") == 2

    run(test())


def test_a_handshake_that_nobody_answers(run: Any) -> None:
    async def test() -> None:
        app = Recorder(wait_for_more)
        async with serving(app, handshake_timeout=0.02) as server:
            assert await (await connect(server)).request() == 503
            assert (await app.until("websocket.disconnect"))["code"] == 1006

    run(test())


def test_limits_of_the_request(run: Any) -> None:
    async def test() -> None:
        async with serving(Chat, header_timeout=0.02, max_consumers=1) as server:
            client = await connect(server)
            client.writer.write(b"GET /" + b"x" * 40000)
            assert await client.status() == 431
            client = await connect(server)
            client.writer.write(b"GET")
            assert await client.status() == 408
            await (await connect(server)).gone()
            await opened(server)
            client = await connect(server)
            assert await client.request() == 503
            assert "\r\nretry-after: " in client.head

    run(test())


def test_a_client_that_does_not_read(run: Any) -> None:
    async def act(self: Recorder, message: Message) -> None:
        if message["type"] == "websocket.connect":
            while True:
                await self.send({"type": "websocket.send", "bytes": b"x" * 60000})

    async def test() -> None:
        app = Recorder(act)
        async with serving(app, send_timeout=0.2) as server:
            await opened(server)
            assert (await app.until("websocket.disconnect"))["code"] == 1006

    run(test())


def test_a_call_that_does_not_end_is_cancelled(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def act(self: Recorder, message: Message) -> None:
        await echo(self, message)
        if message["type"] == "websocket.receive":
            await asyncio.Event().wait()

    async def test() -> None:
        app = Recorder(act)
        async with serving(app, grace=0.05) as server:
            client = await opened(server)
            client.frame(1, b"a")
            await app.until("websocket.receive")
            client.frame(8)
            await app.until("websocket.disconnect")
            await until_ended(server)
            app.lines = [line for line in app.lines if line != {"event": "raised"}]  # it counts as returned (CON-054)
        assert not caplog.records

    run(test())


@pytest.mark.parametrize("hurry", [False, True])
def test_shutdown(hurry: bool, run: Any) -> None:
    async def act(self: Recorder, message: Message) -> None:
        await echo(self, message)
        if message["type"] == "server.drain":
            await self.send({"type": "websocket.send", "text": "reconnect"})

    async def test() -> None:
        app = Recorder(act)
        grace = 1000.0 if hurry else 3.0
        async with serving(app, grace=grace, spread=1000) as server:
            idle, client = await connect(server), await opened(server)
            server.stop()
            assert await client.read() == (1, b"reconnect")
            await idle.gone()
            with pytest.raises(ConnectionRefusedError):
                await connect(server)
            client.frame(1, b"still there")
            assert await client.read() == (1, b"still there")
            if hurry:
                server.stop()
            assert await client.closed() == 1012
            assert (await app.until("websocket.disconnect"))["code"] == 1012
        drain = await app.until("server.drain")
        assert (drain["reason"], drain["grace"]) == ("shutdown", grace)
        assert app.types_given.count("server.drain") == 1
        assert server.layer.calls[-1] == ("close",)

    run(test())


def test_shutdown_before_accept(run: Any) -> None:
    async def test() -> None:
        app = Recorder(wait_for_more)
        async with serving(app, grace=0.1) as server:
            client = await connect(server)
            client.writer.write(head({}))
            await app.until("websocket.connect")
            server.stop()
            assert await client.status() == 503
            assert app.types_given == ["websocket.connect", "server.drain", "websocket.disconnect"]

    run(test())


def test_a_signal_ends_the_process(tmp_path: Path) -> None:
    command = [sys.executable, "afternoon_server.py", str(tmp_path / "layer"), "0"]
    with subprocess.Popen(command, cwd=Path(__file__).parent, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline().startswith(b"ws://127.0.0.1:")
        process.send_signal(signal.SIGTERM)
        assert process.wait(SOON) == 0


def test_the_log_is_quiet_about_requests_that_are_refused(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with serving(Chat) as server:
            assert await (await connect(server)).request({"origin": "null"}) == 403

    caplog.set_level(logging.INFO)
    run(test())
    assert not [record for record in caplog.records if record.exc_info]


def test_names_are_not_used_again(run: Any) -> None:
    async def test() -> None:
        async with serving(Chat) as server:
            channels = set()
            for _ in range(3):
                client = await opened(server)
                channels |= set(server.connections)
                client.frame(8)
                await until_ended(server)
            assert len(channels) == 3

    run(test())

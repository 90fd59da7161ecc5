"""ASGI applications on our server: what they get, what their clients get, and that nothing of them is left over."""

import contextvars
import gc
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from seaway.conformance.client.http import DEADLINE, IncompleteError, connect, request
from seaway.conformance.client.websocket import BINARY, frame, handshake, text, websocket
from seaway.reference import LifespanFailed, Server, Settings, StartupFailed
from seaway.reference.asgi import from_asgi

from .scripted import traces, until

pytestmark = pytest.mark.anyio

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
START = {"type": "http.response.start", "status": 200, "headers": []}
BODY = {"type": "http.response.body", "body": b"ok"}
context = contextvars.ContextVar("context", default="empty")


class HarbourError(Exception):
    """What the applications of these tests raise."""


@asynccontextmanager
async def serving(app: Any, **settings: Any) -> AsyncIterator[Server]:
    """Our server with `app`, which has no lifespan."""

    async def without_lifespan(scope: Any, receive: Receive, send: Send) -> None:
        assert scope["type"] != "lifespan", "no lifespan here"
        await app(scope, receive, send)

    chosen = Settings(**{"access_log": False, "grace": 2.0, **settings})
    with anyio.fail_after(6 * DEADLINE):
        async with Server(from_asgi(without_lifespan), port=0, settings=chosen) as server:
            yield server


def requests(server: Server) -> list[Any]:
    """The runners of the requests under way."""
    return [runner for runner in server._core.dispatcher.runners.values() if runner.exchange.type == "http"]


def test_what_cannot_be_called_is_no_application() -> None:
    with pytest.raises(TypeError, match="expected an ASGI application"):
        from_asgi("app")  # type: ignore[arg-type]


async def test_an_application_gets_the_scope_of_asgi() -> None:
    scopes = []

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        scopes.append(scope)
        await send(START)
        await send(BODY)

    async with serving(app) as server, connect(server.address) as client:
        response = await client.ask("/caf%C3%A9?q=1", "X-Twice: a", "X-Twice: b", "TE: trailers", method="PUT")
        assert (response.status, response.body, response.framing) == (200, b"ok", "length")

    (scope,) = scopes
    assert scope.pop("client")[0] == "127.0.0.1"
    assert scope.pop("server") == server.address
    assert scope == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "method": "PUT",
        "scheme": "http",
        "path": "/café",
        "raw_path": b"/caf%C3%A9",
        "query_string": b"q=1",
        "root_path": "",
        "headers": [(b"host", b"test"), (b"x-twice", b"a"), (b"x-twice", b"b"), (b"te", b"trailers")],
        "state": {},
        "extensions": {"http.response.early_hint": {}, "http.response.trailers": {}},
    }


async def test_extensions_are_offered_only_where_they_have_an_effect() -> None:
    extensions = []

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        extensions.append(set(scope["extensions"]))
        await send(START)
        await send(BODY)

    async with serving(app) as server:
        for version, fields in (("1.1", ["TE: trailers"]), ("1.1", []), ("1.0", ["TE: trailers"])):
            async with connect(server.address) as client:
                await client.ask("/", *fields, version=version)

    assert extensions == [{"http.response.early_hint", "http.response.trailers"}, {"http.response.early_hint"}, set()]


async def test_early_hints_and_trailers_go_out() -> None:
    async def app(scope: Any, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload"]})
        await send({**START, "trailers": True})
        await send(BODY)
        await send({"type": "http.response.trailers", "headers": [(b"x-sum", b"1")], "more_trailers": True})
        await send({"type": "http.response.trailers", "headers": [(b"x-more", b"2")]})

    async with serving(app) as server, connect(server.address) as client:
        hint = await client.ask("/", "TE: trailers")
        assert (hint.status, hint.fields) == (103, [(b"link", b"</a.css>; rel=preload")])
        response = await client.response()
        assert (response.body, response.trailers) == (b"ok", [(b"x-sum", b"1"), (b"x-more", b"2")])


async def test_fields_are_put_into_the_form_of_the_specification() -> None:
    """ASGI servers ignore what is theirs to decide; so does this."""
    fields = [
        (b"X-Upper", b" a "),
        (b"transfer-encoding", b"chunked"),
        (b"connection", b"keep-alive"),
        (b"Keep-Alive", b"timeout=5"),
    ]

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        await send({**START, "headers": fields})
        await send(BODY)

    async with serving(app) as server, connect(server.address) as client:
        response = await client.ask("/")

    assert response.framing == "length"
    assert dict(response.fields).keys() == {b"x-upper", b"content-length", b"date"}
    assert response.field(b"x-upper") == b"a"


async def test_a_slow_application_slows_its_client() -> None:
    """HTTP-017: what it has not asked for is not read."""
    gate = anyio.Event()
    sizes = []

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        await gate.wait()
        more = True
        while more:
            event = await receive()
            sizes.append(len(event["body"]))
            more = event["more_body"]
        await send(START)
        await send(BODY)

    body = b"x" * 30_000_000
    async with serving(app) as server, connect(server.address, send_buffer=65_536) as client:
        await client.send(request("/", f"Content-Length: {len(body)}", method="POST"))
        sent = await client.stuff(body)
        assert sent < len(body)
        assert sizes == []
        gate.set()
        await client.send(body[sent:])
        assert (await client.response()).status == 200

    assert sum(sizes) == len(body)
    assert max(sizes) <= 65_536


@pytest.mark.parametrize("reads", [True, False], ids=["reads", "does-not-read"])
async def test_a_100_is_sent_when_the_application_asks_for_the_body(reads: bool) -> None:
    """HTTP-015, HTTP-016."""

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        while reads and (await receive())["more_body"]:
            pass
        await send(START)
        await send(BODY)

    async with serving(app) as server, connect(server.address) as client:
        await client.send(request("/", "Expect: 100-continue", "Content-Length: 4", method="POST"))
        if reads:
            assert (await client.response()).status == 100
            await client.send(b"ahoy")
        assert (await client.response()).status == 200


async def test_a_slow_client_slows_its_application() -> None:
    """CON-062."""
    sent = []

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        await send(START)
        for _ in range(200):
            await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
            sent.append(65_536)
        await send({"type": "http.response.body"})

    async with serving(app) as server, connect(server.address, receive_buffer=65_536) as client:
        await client.send(request("/"))
        before = -1
        while len(sent) > before:
            before = len(sent)
            await anyio.sleep(0.2)
        assert before < 200
        assert len((await client.response()).body) == 200 * 65_536


async def test_a_client_that_goes_is_told_to_receive() -> None:
    events = []
    begun = anyio.Event()

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        begun.set()
        for _ in range(3):
            events.append(await receive())

    async with serving(app) as server:
        async with connect(server.address) as client:
            await client.send(request("/"))
            await begun.wait()
        await until(lambda: len(events) == 3)

    assert events[0] == {"type": "http.request", "body": b"", "more_body": False}
    assert events[1:] == [{"type": "http.disconnect"}] * 2


async def test_tasks_that_all_see_that_the_client_has_gone_are_nobodys_fault(caplog: pytest.LogCaptureFixture) -> None:
    """CON-058; what task groups raise is a group."""
    ended = anyio.Event()

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        await send(START)

        async def stream(count: int) -> None:
            with anyio.CancelScope(shield=True):  # so that each sees it for itself
                while True:
                    await send({**BODY, "more_body": True})
                    await anyio.sleep(count / 1000)

        try:
            async with anyio.create_task_group() as tasks:
                for count in (1, 2, 3):
                    tasks.start_soon(stream, count)
        finally:
            ended.set()

    async with serving(app) as server:
        async with connect(server.address) as client:
            await client.send(request("/"))
            await client.line()
        await ended.wait()

    ours = [record for record in caplog.records if record.name.startswith("seaway")]
    assert not [record for record in ours if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("wrapped", [False, True], ids=["itself", "of-the-framework"])
async def test_send_raises_oserror_once_the_client_has_gone_and_nobody_is_blamed(
    wrapped: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """CON-058, and ASGI 2.4."""
    raised = []
    gone = anyio.Event()

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        await send(START)
        await send({**BODY, "more_body": True})
        await gone.wait()
        try:
            while True:
                await send({**BODY, "more_body": True})
                await anyio.sleep(0.01)
        except OSError as error:
            raised.append(error)
            if wrapped:
                raise HarbourError("the client left") from error
            raise

    async with serving(app) as server:
        async with connect(server.address) as client:
            await client.send(request("/"))
            await client.line()
        gone.set()
        await until(lambda: raised)

    ours = [record for record in caplog.records if record.name.startswith("seaway")]
    assert not [record for record in ours if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("error", [HarbourError("no"), SystemExit(3), KeyboardInterrupt()], ids=repr)
async def test_an_exception_is_500_and_logged_once(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    """CON-055 to CON-057."""

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        if scope["path"] == "/":
            await send(START)  # not a begun response: ASGI's servers keep it until the body
            raise error
        await send(START)
        await send(BODY)

    async with serving(app) as server:
        async with connect(server.address) as client:
            assert (await client.ask("/")).status == 500
        async with connect(server.address) as client:
            assert (await client.ask("/other")).status == 200

    assert len(traces(caplog.records, type(error))) == 1


async def test_an_exception_while_the_consumer_waits_for_the_application_is_500() -> None:
    """It comes out of the call that waits."""

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        await receive()
        raise HarbourError("enough")

    async with serving(app, body_buffer=0) as server, connect(server.address) as client:
        await client.send(request("/", "Content-Length: 100", method="POST") + b"x" * 50)
        assert (await client.response()).status == 500


async def test_an_exception_in_a_response_cuts_it() -> None:
    """HTTP-051."""

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        await send(START)
        await send({**BODY, "more_body": True})
        raise HarbourError("enough")

    async with serving(app) as server, connect(server.address) as client:
        await client.send(request("/"))
        with pytest.raises(IncompleteError):
            await client.response()


@pytest.mark.parametrize("events", [[], [START], [START, {**BODY, "more_body": True}]], ids=len)
async def test_a_response_that_is_not_completed_is_an_error(events: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Receive, send: Send) -> None:
        for event in events:
            await send(event)

    async with serving(app) as server, connect(server.address) as client:
        await client.send(request("/"))
        if len(events) < 2:
            assert (await client.response()).status == 500
        else:
            with pytest.raises(IncompleteError):
                await client.response()

    assert len(traces(caplog.records, RuntimeError)) == 1


async def test_a_background_task_goes_on_after_the_response() -> None:
    """And the connection does not wait for it (HTTP-059)."""
    done = []
    gate = anyio.Event()

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        await send(START)
        await send(BODY)
        if scope["path"] == "/slow":
            await gate.wait()
            done.append((await receive())["type"])

    async with serving(app) as server, connect(server.address) as client:
        await client.ask("/slow")
        assert (await client.ask("/")).status == 200
        gate.set()
        await until(lambda: done)

    assert done == ["http.request"]


async def test_what_outlives_its_connection_by_grace_is_cancelled() -> None:
    """CON-059; no task is left."""
    cancelled = []

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        try:
            await anyio.sleep(10 * DEADLINE)
        except anyio.get_cancelled_exc_class():
            cancelled.append(scope["path"])
            raise

    async with serving(app, grace=0.2) as server:
        async with connect(server.address) as client:
            await client.send(request("/"))
            await until(lambda: requests(server))
        await until(lambda: cancelled)
        await until(lambda: not requests(server))

    assert cancelled == ["/"]


async def test_an_application_that_reads_no_body_holds_its_consumer_no_longer_than_grace() -> None:
    """The server has ended the exchange, and the consumer waits in `http.request.body`: it is cancelled there."""
    cancelled = []

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        try:
            await anyio.sleep(10 * DEADLINE)
        except anyio.get_cancelled_exc_class():
            cancelled.append(scope["path"])
            raise

    async with serving(app, grace=0.2) as server:
        async with connect(server.address) as client:
            await client.send(request("/", "Content-Length: 300000", method="POST") + b"x" * 300_000)
            await until(lambda: requests(server))
            (runner,) = requests(server)
            runner.exchange.end(1012, 503)
            assert (await client.response()).status == 503
            await until(lambda: cancelled)
        await until(lambda: not requests(server))

    assert cancelled == ["/"]


async def test_each_call_has_a_context_of_its_own() -> None:
    """CON-034."""
    found = []

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        found.append(context.get())
        context.set(scope["path"])
        await send(START)
        await send({**BODY, "body": context.get().encode()})

    async with serving(app) as server, connect(server.address) as client:
        assert [(await client.ask(path)).body for path in ("/a", "/b")] == [b"/a", b"/b"]

    assert found == ["empty", "empty"]


async def test_no_call_leaves_anything_behind() -> None:
    """Not a consumer, not an ASGI call."""
    from seaway.reference.asgi.call import Call

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        await receive()
        await send(START)
        await send(BODY)

    def calls() -> int:
        gc.collect()
        return sum(isinstance(each, Call) for each in gc.get_objects())

    async with serving(app) as server:
        before = calls()
        async with connect(server.address) as client:
            for _ in range(20):
                await client.ask("/")
        await until(lambda: calls() <= before)


# -- WebSocket -------------------------------------------------------------------------------------------------------


async def echo(scope: Any, receive: Receive, send: Send) -> None:
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept", "subprotocol": next(iter(scope["subprotocols"]), None)})
    while (event := await receive())["type"] == "websocket.receive":
        await send({**event, "type": "websocket.send"})


async def test_a_websocket_goes_both_ways() -> None:
    async with (
        serving(echo) as server,
        websocket(server.address, "/", "Sec-WebSocket-Protocol: a, b") as socket,
    ):
        assert socket.response.field(b"sec-websocket-protocol") == b"a"
        for sent, received in ((text("åhoj"), "åhoj"), (frame(BINARY, b"\x00"), b"\x00"), (text(""), "")):
            await socket.send(sent)
            assert await socket.message() == received
        assert await socket.close(4003) == 4003


@pytest.mark.parametrize("body", [b"members only", None], ids=["with-a-response", "without"])
async def test_a_handshake_is_denied(body: bytes | None) -> None:
    """Extension `websocket.http.response`."""

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        assert "websocket.http.response" in scope["extensions"]
        if body is None:
            await send({"type": "websocket.close", "code": 4000})
            return
        await send({"type": "websocket.http.response.start", "status": 401, "headers": [(b"x-a", b"1")]})
        await send({"type": "websocket.http.response.body", "body": body[:3], "more_body": True})
        await send({"type": "websocket.http.response.body", "body": body[3:]})

    async with serving(app) as server, connect(server.address) as client:
        await client.send(handshake("/"))
        response = await client.response()

    assert (response.status, response.body) == ((401, body) if body else (403, b""))


async def raises_at_once(scope: Any, receive: Receive, send: Send) -> None:
    raise HarbourError("no")


async def returns_at_once(scope: Any, receive: Receive, send: Send) -> None:
    pass


@pytest.mark.parametrize("app", [raises_at_once, returns_at_once])
async def test_a_handshake_that_nobody_answers_is_500(app: Any) -> None:
    async with serving(app) as server, connect(server.address) as client:
        await client.send(handshake("/"))
        assert (await client.response()).status == 500


@pytest.mark.parametrize(
    ("path", "code"), [("/raises", 1011), ("/returns", 1000), ("/closes", 4001)], ids=["raises", "returns", "closes"]
)
async def test_a_websocket_is_closed_as_its_application_ends(path: str, code: int) -> None:
    events = []

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        if scope["path"] == "/raises":
            raise HarbourError("it sinks")
        if scope["path"] == "/closes":
            await send({"type": "websocket.close", "code": 4001, "reason": None})
            events.append(await receive())

    async with serving(app) as server, websocket(server.address, path) as socket:
        assert await socket.closed() == code
        await until(lambda: events or path != "/closes")

    assert events == ([{"type": "websocket.disconnect", "code": 4001, "reason": ""}] if path == "/closes" else [])


async def test_an_application_that_does_not_receive_slows_its_client() -> None:
    """CON-040: the mailbox, and what the sockets hold."""
    gate = anyio.Event()
    received = []

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await gate.wait()
        while (event := await receive())["type"] == "websocket.receive":
            received.append(event)

    data = frame(BINARY, b"x" * 65_536) * 300
    async with serving(app) as server, websocket(server.address, "/", send_buffer=65_536) as socket:
        sent = await socket.client.stuff(data)
        assert sent < len(data)
        gate.set()
        await socket.send(data[sent:])
        await until(lambda: len(received) == 300)


# -- lifespan --------------------------------------------------------------------------------------------------------


class Life:
    """An ASGI application with a lifespan that does as it is told, and the scopes that it got."""

    def __init__(self, *, at_startup: str = "complete", at_shutdown: str = "complete") -> None:
        self.at_startup = at_startup
        self.at_shutdown = at_shutdown
        self.states: list[Any] = []
        self.ended = False

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            self.states.append(scope["state"])
            await send(START)
            await send(BODY)
            return
        assert (await receive())["type"] == "lifespan.startup"
        scope["state"]["harbour"] = "Hamnen"
        if self.at_startup == "raise":
            raise HarbourError("no lifespan here")
        await send({"type": f"lifespan.startup.{self.at_startup}", "message": "no water"})
        if self.at_startup == "failed":
            raise HarbourError("said already")
        assert (await receive())["type"] == "lifespan.shutdown"
        self.ended = True
        await send({"type": f"lifespan.shutdown.{self.at_shutdown}", "message": "no way out"})


QUIET = Settings(access_log=False, grace=2.0)


async def test_a_lifespan_gives_each_connection_a_copy_of_its_state() -> None:
    app = Life()
    async with Server(from_asgi(app), port=0, settings=QUIET) as server, connect(server.address) as client:
        await client.ask("/")
        await client.ask("/")
        assert not app.ended

    assert app.ended
    assert app.states == [{"harbour": "Hamnen"}] * 2
    assert app.states[0] is not app.states[1]


async def test_an_application_without_a_lifespan_is_served_all_the_same() -> None:
    async with (
        Server(from_asgi(Life(at_startup="raise")), port=0, settings=QUIET) as server,
        connect(server.address) as client,
    ):
        assert (await client.ask("/")).status == 200


async def test_a_failed_startup_ends_the_server(caplog: pytest.LogCaptureFixture) -> None:
    """LIF-008."""
    with pytest.raises(StartupFailed) as caught:
        async with Server(from_asgi(Life(at_startup="failed")), port=0, settings=QUIET):
            pytest.fail("the server started")

    assert "no water" in str(caught.value.__cause__)
    assert traces(caplog.records, HarbourError) == []


async def test_a_failed_shutdown_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """CON-053."""
    async with Server(from_asgi(Life(at_shutdown="failed")), port=0, settings=QUIET):
        pass

    (record,) = traces(caplog.records, RuntimeError)
    assert "no way out" in str(record.exc_info and record.exc_info[1])


async def test_a_lifespan_that_breaks_stops_the_server() -> None:
    """LIF-010."""
    broken = anyio.Event()

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await broken.wait()
        raise HarbourError("a leak")

    async def serve() -> None:
        async with Server(from_asgi(app), port=0, settings=QUIET) as server:
            broken.set()
            await server.serving()

    with pytest.raises(LifespanFailed) as caught:
        await serve()

    assert isinstance(caught.value.__cause__, HarbourError)

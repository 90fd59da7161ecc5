"""`as_asgi` where a server in front does what no real one does on demand: it lacks things, fails, and says little.

Real ones are in `asgi/`. Here the server is the test: it fills a queue that `receive` reads, and keeps what is sent.
"""

import contextvars
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from seaway.conformance.client.http import DEADLINE
from seaway.layers import MemoryLayer
from seaway.reference import Settings
from seaway.reference.asgi import as_asgi

from .scripted import Application, Consumer, Message, answer, traces, until

pytestmark = pytest.mark.anyio

LIFESPAN = ("lifespan", "http", "websocket")
QUIET = Settings(access_log=False, grace=1.0)
HTTP = {"type": "http", "method": "GET", "path": "/", "headers": []}  # all that ASGI requires
WEBSOCKET = {"type": "websocket", "path": "/", "headers": []}
REQUEST = {"type": "http.request"}
GONE = {"type": "http.disconnect"}
context = contextvars.ContextVar("context", default="empty")


class Call:
    """One ASGI call: `tell` it an event; `sent` is what it has answered."""

    def __init__(self, app: Any, scope: Any, *, fails: BaseException | None = None) -> None:
        self.app = app
        self.scope = scope
        self.fails = fails
        self.sent: list[Any] = []
        self.asked = 0
        self.done = anyio.Event()
        self._tell, self._events = anyio.create_memory_object_stream[Any](100)

    def tell(self, event: Any) -> None:
        self._tell.send_nowait(event)

    async def run(self) -> None:
        try:
            await self.app(self.scope, self._receive, self._send)
        finally:
            self.done.set()
            self._tell.close()
            self._events.close()

    async def _receive(self) -> Any:
        self.asked += 1
        return await self._events.receive()

    async def _send(self, event: Any) -> None:
        await anyio.lowlevel.checkpoint()
        if self.fails is not None:
            raise self.fails
        self.sent.append(event)

    def body(self) -> bytes:
        return b"".join(event["body"] for event in self.sent if event["type"].endswith(".body"))


@asynccontextmanager
async def calling(app: Any, scope: Any, *events: Any, **options: Any) -> AsyncIterator[Call]:
    """A call that runs, to which `events` were told; at the end it has returned."""
    call = Call(app, scope, **options)
    for event in events:
        call.tell(event)
    with anyio.fail_after(DEADLINE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call.run)
            yield call


@asynccontextmanager
async def opened(application: Any, layer: Any = None, settings: Settings = QUIET) -> AsyncIterator[Any]:
    """`as_asgi(application)`, within the lifespan of a server."""
    app = as_asgi(application, layer, settings=settings)
    async with calling(app, {"type": "lifespan"}, {"type": "lifespan.startup"}) as lifespan:
        await until(lambda: lifespan.sent)
        assert lifespan.sent == [{"type": "lifespan.startup.complete"}]
        yield app
        lifespan.tell({"type": "lifespan.shutdown"})
    assert lifespan.sent[1:] == [{"type": "lifespan.shutdown.complete"}]


async def ask(app: Any, scope: Any = HTTP, *events: Any) -> Call:
    """A request, answered."""
    async with calling(app, scope, *(events or [REQUEST])) as call:
        await call.done.wait()
    return call


def test_what_is_no_application_is_refused() -> None:
    with pytest.raises(TypeError, match="an application is a callable"):
        as_asgi("application")  # type: ignore[arg-type]


async def test_a_scope_may_lack_all_that_it_need_not_have(is_async: bool) -> None:
    """HTTP-001 all the same."""
    application = Application(answer, is_async=is_async)
    async with opened(application) as app:
        call = await ask(app, {**HTTP, "path": "/café", "client": ["", 0], "server": None})
        await until(lambda: application.only.over)

    assert call.sent == [
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"7")]},
        {"type": "http.response.body", "body": "/café ".encode(), "more_body": False},
    ]
    begun = application.only.messages[0]
    assert (begun["raw_path"], begun["query_string"], begun["http_version"]) == (b"/caf%C3%A9", b"", "1.1")
    assert (begun["root_path"], begun["scheme"], begun["client"], begun["server"]) == ("", "http", None, None)


async def test_root_path_and_scheme_are_those_of_the_server_in_front() -> None:
    application = Application(answer)
    async with opened(application) as app:
        await ask(app, {**HTTP, "root_path": "/harbour", "path": "/harbour/", "scheme": "https"})

    begun = application.only.messages[0]
    assert (begun["root_path"], begun["path"], begun["scheme"]) == ("/harbour", "/harbour/", "https")


@pytest.mark.req("CON-009")
@pytest.mark.parametrize(
    ("types", "scope", "status"), [(("websocket",), HTTP, 426), (("lifespan",), HTTP, 501)], ids=["426", "501"]
)
async def test_what_the_application_does_not_take_is_refused(types: Any, scope: Any, status: int) -> None:
    application = Application(answer, types=types)
    async with opened(application) as app:
        call = await ask(app, scope)

    assert call.sent[0]["status"] == status
    assert [consumer for consumer in application.consumers if consumer.type != "lifespan"] == []


@pytest.mark.parametrize("can_answer", [True, False])
async def test_a_websocket_that_the_application_does_not_take_is_refused(can_answer: bool) -> None:
    scope = {**WEBSOCKET, "extensions": {"websocket.http.response": {}} if can_answer else None}
    async with opened(Application(answer, types=("http",))) as app:
        call = await ask(app, scope, {"type": "websocket.connect"})

    assert (call.sent[0]["type"], call.sent[0].get("status")) == (
        ("websocket.http.response.start", 501) if can_answer else ("websocket.close", None)
    )


@pytest.mark.req("SRV-027")
async def test_a_server_that_is_full_answers_503() -> None:
    one = Settings(max_consumers=1, access_log=False)
    async with opened(Application(lambda *_: None), settings=one) as app, calling(app, HTTP, REQUEST) as waiting:
        await until(lambda: waiting.asked)
        full = await ask(app)
        assert (full.sent[0]["status"], dict(full.sent[0]["headers"])[b"retry-after"]) == (503, b"1")
        waiting.tell(GONE)


async def test_a_body_without_a_length_comes_whole_if_it_ends_at_once() -> None:
    """HTTP/2 says neither that there is a body nor how long it is; what has come first decides."""
    application = Application(answer)
    scope = {**HTTP, "http_version": "2"}
    async with opened(application) as app:
        assert (await ask(app, scope, {**REQUEST, "body": b"whole"})).body() == b"/ whole"
        parts = [{**REQUEST, "body": b"a", "more_body": True}, {**REQUEST, "body": b"b"}]
        assert (await ask(app, scope, *parts)).body() == b"/ ab"
        await until(lambda: all(consumer.over for consumer in application.consumers))

    types = [consumer.types for consumer in application.consumers]
    assert types == [["http.request", "http.disconnect"], ["http.request", "http.request.body", "http.disconnect"]]


@pytest.mark.req("HTTP-017")
async def test_a_part_is_asked_for_once_the_consumer_has_returned(is_async: bool) -> None:
    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request.body" and not message["body"]:
            yield consumer.send, {"type": "http.response", "status": 200}
        elif message["type"] == "http.request":
            consumer.state["returned"] = True

    scope = {**HTTP, "headers": [(b"transfer-encoding", b"chunked")]}
    application = Application(handler, is_async=is_async)
    async with opened(application) as app, calling(app, scope) as call:
        await until(lambda: call.asked == 1)
        assert application.only.state["returned"]
        call.tell({**REQUEST, "body": b"a", "more_body": True})
        await until(lambda: call.asked == 2)
        assert application.only.messages[1]["body"] == b"a"
        call.tell(REQUEST)
        await call.done.wait()


@pytest.mark.parametrize("offered", [True, False], ids=["offered", "not-offered"])
async def test_trailers_and_early_hints_go_where_the_server_in_front_takes_them(offered: bool) -> None:
    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            hint = {"type": "http.response.informational", "headers": [(b"link", b"</a>"), (b"x-b", b"c")]}
            yield consumer.send, {**hint, "status": 103}
            yield consumer.send, {**hint, "status": 102}
            yield consumer.send, {"type": "http.response", "status": 200, "body": b"ok", "trailers": True}
            yield consumer.send, {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")]}

    application = Application(handler)
    names = ("http.response.trailers", "http.response.early_hint")
    scope = {**HTTP, "headers": [(b"te", b"trailers")], "extensions": {name: {} for name in names if offered}}
    async with opened(application) as app:
        call = await ask(app, scope)
        await until(lambda: application.only.over)

    kinds = [(event["type"], event.get("more_body")) for event in call.sent]
    if offered:
        assert call.sent[0] == {"type": "http.response.early_hint", "links": [b"</a>"]}
        assert kinds[1:] == [
            ("http.response.start", None),
            ("http.response.body", False),
            ("http.response.trailers", None),
        ]
        assert call.sent[3]["headers"] == [(b"x-sum", b"1")]
    else:
        assert kinds == [("http.response.start", None), ("http.response.body", True), ("http.response.body", False)]
    assert application.only.messages[-1]["complete"] is True


@pytest.mark.req("HTTP-012")
@pytest.mark.parametrize(
    ("fails", "complete"), [(None, True), (ConnectionResetError("the client left"), False)], ids=["taken", "oserror"]
)
async def test_complete_says_whether_the_server_in_front_has_taken_it_all(fails: Any, complete: bool) -> None:
    application = Application(answer)
    async with opened(application) as app:
        async with calling(app, HTTP, REQUEST, fails=fails) as call:
            await call.done.wait()
        await until(lambda: application.only.over)

    assert application.only.messages[-1] == {"type": "http.disconnect", "complete": complete}


async def test_what_the_server_in_front_refuses_is_its_to_tell() -> None:
    """Its own exception comes back to it, once, and the consumer ends."""
    application = Application(answer)

    async def call() -> None:
        async with calling(app, HTTP, REQUEST, fails=RuntimeError("not this event")):
            pass

    async with opened(application) as app:
        with pytest.raises(BaseExceptionGroup) as caught:  # of the test's own task group
            await call()
        await until(lambda: application.only.over)

    assert [str(error) for error in caught.value.exceptions] == ["not this event"]


@pytest.mark.req("CON-065")
async def test_a_send_that_waits_for_a_client_that_goes_raises() -> None:
    """The server in front takes nothing, and then says that the client has gone."""
    raised = []
    stuck = anyio.Event()

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            try:
                yield consumer.send, {"type": "http.response", "status": 200, "more_body": True}
                while True:
                    yield consumer.send, {"type": "http.response.body", "body": b"x", "more_body": True}
            except ConnectionError as error:
                raised.append(error)

    application = Application(handler)
    async with opened(application) as app:
        tell, events = anyio.create_memory_object_stream[Any](10)
        tell.send_nowait(REQUEST)

        async def send(event: Any) -> None:
            stuck.set()
            await anyio.sleep(10 * DEADLINE)

        async with tell, events, anyio.create_task_group() as tasks:
            tasks.start_soon(app, HTTP, events.receive, send)
            await stuck.wait()
            tell.send_nowait(GONE)
            await until(lambda: raised)
            await until(lambda: application.only.over)
            tasks.cancel_scope.cancel()


@pytest.mark.req("CON-064")
async def test_a_server_in_front_that_takes_nothing_is_left_after_send_timeout() -> None:
    application = Application(answer)
    async with opened(application, settings=Settings(send_timeout=0.2, access_log=False)) as app:
        tell, events = anyio.create_memory_object_stream[Any](10)
        tell.send_nowait(REQUEST)

        async def send(event: Any) -> None:
            await anyio.sleep(10 * DEADLINE)

        async with tell, events:
            await app(HTTP, events.receive, send)
        await until(lambda: application.only.over)

    assert application.only.messages[-1] == {"type": "http.disconnect", "complete": False}


# -- the life of a process -------------------------------------------------------------------------------------------


async def test_it_opens_at_the_first_connection_where_there_is_no_lifespan(is_async: bool) -> None:
    """Once, for all of them, and in no connection's context."""
    seen = []

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        seen.append((consumer.channel.partition("!")[0], context.get()))
        yield from answer(consumer, message)

    application = Application(handler, is_async=is_async)
    app = as_asgi(application, settings=QUIET)

    async def connection(name: str) -> None:
        context.set(name)
        assert (await ask(app)).sent[0]["status"] == 200

    async with anyio.create_task_group() as tasks:
        for name in "abc":
            tasks.start_soon(connection, name)
    await until(lambda: all(consumer.over for consumer in application.consumers))
    assert len(set(seen)) == 1
    assert seen[0][1] == "empty"


@pytest.mark.req("LIF-003")
async def test_an_application_with_a_lifespan_needs_a_server_that_has_it() -> None:
    app = as_asgi(Application(answer, types=LIFESPAN), settings=QUIET)
    with pytest.raises(RuntimeError, match="LIF-003"):
        await app(HTTP, None, None)  # type: ignore[arg-type]


async def test_what_cannot_be_opened_is_told_and_tried_again() -> None:
    layer = MemoryLayer()
    await layer.close()
    app = as_asgi(Application(answer), layer, settings=QUIET)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="closed"):
            await app(HTTP, None, None)  # type: ignore[arg-type]


async def test_a_startup_without_a_layer_fails() -> None:
    layer = MemoryLayer()
    await layer.close()
    async with calling(as_asgi(answer, layer), {"type": "lifespan"}, {"type": "lifespan.startup"}) as call:
        await call.done.wait()

    (failed,) = call.sent
    assert failed["type"] == "lifespan.startup.failed"
    assert "closed" in failed["message"]


@pytest.mark.req("LIF-008")
async def test_a_startup_that_raises_fails(is_async: bool, caplog: pytest.LogCaptureFixture) -> None:
    def handler(consumer: Consumer, message: Message) -> None:
        if message["type"] == "lifespan.startup":
            raise ZeroDivisionError("no water")

    application = Application(handler, is_async=is_async, types=LIFESPAN)
    app = as_asgi(application, settings=QUIET)
    async with calling(app, {"type": "lifespan"}, {"type": "lifespan.startup"}) as call:
        await call.done.wait()

    assert [event["type"] for event in call.sent] == ["lifespan.startup.failed"]
    assert application.only.types == ["lifespan.startup", "lifespan.shutdown"]
    assert len(traces(caplog.records, ZeroDivisionError)) == 1


@pytest.mark.req("LIF-010")
async def test_a_lifespan_that_breaks_refuses_what_comes_and_fails_at_shutdown() -> None:
    """ASGI has no way to stop the server in front."""

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "lifespan.startup":
            yield consumer.layer.group_add, "harbour", consumer.channel
        elif message["type"] == "test.go":
            raise ZeroDivisionError("a leak")

    application = Application(handler, types=LIFESPAN)
    layer = MemoryLayer()
    app = as_asgi(application, layer, settings=QUIET)
    async with calling(app, {"type": "lifespan"}, {"type": "lifespan.startup"}) as lifespan:
        await until(lambda: lifespan.sent)
        await layer.send_group("harbour", {"type": "test.go"})
        await until(lambda: application.only.over)
        await until(lambda: not app._serves)
        assert (await ask(app)).sent[0]["status"] == 503
        assert (await ask(app, WEBSOCKET, {"type": "websocket.connect"})).sent == [{"type": "websocket.close"}]
        lifespan.tell({"type": "lifespan.shutdown"})

    assert [event["type"] for event in lifespan.sent] == ["lifespan.startup.complete", "lifespan.shutdown.failed"]


@pytest.mark.req("SRV-002", "SRV-005", "LIF-011")
async def test_what_is_left_at_shutdown_is_told_and_ended() -> None:
    """Servers that wait for their connections leave none; those that do not, do."""
    application = Application(answer, types=LIFESPAN)
    app = as_asgi(application, settings=QUIET)
    async with calling(app, {"type": "lifespan"}, {"type": "lifespan.startup"}) as lifespan:
        await until(lambda: lifespan.sent)
        async with calling(app, WEBSOCKET, {"type": "websocket.connect"}) as call:
            await until(lambda: call.sent)
            lifespan.tell({"type": "lifespan.shutdown"})
            await call.done.wait()

    assert call.sent[-1] == {"type": "websocket.close", "code": 1012, "reason": ""}
    assert application.consumers[1].types == ["websocket.connect", "server.drain", "websocket.disconnect"]
    assert application.consumers[0].types == ["lifespan.startup", "server.drain", "lifespan.shutdown"]
    assert lifespan.sent[-1] == {"type": "lifespan.shutdown.complete"}


async def test_the_layer_is_closed_at_the_end(is_async: bool) -> None:
    layer = MemoryLayer()
    async with opened(Application(answer, is_async=is_async), layer) as app:
        await ask(app)
    with pytest.raises(RuntimeError, match="closed"):
        await layer.send("a", {"type": "a.b"})


async def test_an_unknown_scope_is_an_error() -> None:
    with pytest.raises(ValueError, match="expected a scope of type http"):
        await as_asgi(answer)({"type": "rocket"}, None, None)  # type: ignore[arg-type]


@pytest.mark.req("HTTP-041", "HTTP-012")
@pytest.mark.parametrize("status", [204, 304])
async def test_a_body_that_nobody_gets_may_go_on_after_the_server_in_front_has_all(status: int) -> None:
    """It says that the client has gone, as granian does; the consumer may finish all the same."""
    go_on = anyio.Event()

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            fields = [(b"content-length", b"2")]
            yield consumer.send, {"type": "http.response", "status": status, "headers": fields, "more_body": True}
            yield (go_on.wait,)
            yield consumer.send, {"type": "http.response.body", "body": b"ok"}

    application = Application(handler)
    async with opened(application) as app:
        async with calling(app, HTTP, REQUEST) as call:
            await until(lambda: len(call.sent) == 2)
            call.tell(GONE)
            await until(lambda: call.asked == 2)
            await anyio.wait_all_tasks_blocked()
            go_on.set()
            await call.done.wait()
        await until(lambda: application.only.over)

    assert call.sent == [
        {"type": "http.response.start", "status": status, "headers": []},
        {"type": "http.response.body", "body": b"", "more_body": False},
    ]
    assert application.only.messages[-1] == {"type": "http.disconnect", "complete": True}


@pytest.mark.parametrize(
    "values",
    [[b"five"], [b"+5"], [b""], [b"5, 5"], [b"1" * 19], ["²".encode("latin-1")], [b"5", b"5"]],
    ids=["word", "sign", "empty", "list", "nineteen digits", "superscript", "twice"],
)
async def test_a_length_that_is_not_one_number_is_refused(values: list[bytes]) -> None:
    """HTTP-073: servers in front let some of them through."""
    scope = HTTP | {"method": "POST", "headers": [(b"content-length", value) for value in values]}
    application = Application(answer)
    async with opened(application) as app:
        call = await ask(app, scope)
    assert call.sent[0]["status"] == 400
    assert not application.consumers


async def test_a_path_that_cannot_be_text_is_refused() -> None:
    """HTTP-007: a server that hands on its bytes as lone surrogates."""
    application = Application(answer)
    async with opened(application) as app:
        call = await ask(app, HTTP | {"path": "/\udcff"})
    assert call.sent[0]["status"] == 400
    assert not application.consumers

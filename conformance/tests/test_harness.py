"""The harness for tests of consumers: what it does to them, what a failed expectation says, and wrong use."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from seaway.conformance.harness import Clock, Harness, Limits, SyncHarness
from seaway.layers import MemoryLayer, SyncMemoryLayer

pytestmark = pytest.mark.anyio
Message = dict[str, Any]


@pytest.fixture(params=[("asyncio", {}), ("trio", {})], ids=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


class Room:
    """A chat room, asynchronous."""

    is_async = True
    types: tuple[str, ...] = ("http", "websocket")

    def __init__(self, type: str, layer: Any, channel: str, send: Any) -> None:
        self.layer, self.channel, self.send = layer, channel, send

    async def __call__(self, message: Message) -> None:
        match message["type"]:
            case "websocket.connect":
                await self.layer.group_add("room", self.channel)
                await self.send({"type": "websocket.accept"})
            case "websocket.receive":
                await self.layer.send_group("room", {"type": "chat.line", "text": message["text"]})
            case "chat.line":
                await self.send({"type": "websocket.send", "text": message["text"]})
            case "layer.gap":
                await self.send({"type": "websocket.send", "text": f"missed {message['dropped']}"})
            case "server.drain":
                await self.send({"type": "websocket.send", "text": f"goodbye: {message['reason']}"})
            case "http.request":
                await self.send({"type": "http.response", "status": 200, "body": message["body"] or b"hello"})


class SyncRoom(Room):
    """The same, synchronous."""

    is_async = False

    def __call__(self, message: Message) -> None:  # type: ignore[override]
        match message["type"]:
            case "websocket.connect":
                self.layer.group_add("room", self.channel)
                self.send({"type": "websocket.accept"})
            case "websocket.receive":
                self.layer.send_group("room", {"type": "chat.line", "text": message["text"]})
            case "chat.line":
                self.send({"type": "websocket.send", "text": message["text"]})
            case "http.request":
                self.send({"type": "http.response", "status": 200, "body": message["body"] or b"hello"})


def consumer_of(function: Callable[..., Any], **attributes: Any) -> Any:
    """An asynchronous application whose consumer calls `function(send, message)`."""

    def application(type: str, layer: Any, channel: str, send: Any) -> Any:
        async def consumer(message: Message) -> None:
            await function(send, message)

        return consumer

    for name, value in {"is_async": True, **attributes}.items():
        setattr(application, name, value)
    return application


@pytest.mark.parametrize("application", [Room, SyncRoom])
@pytest.mark.parametrize("layer", ["its own", "asynchronous", "synchronous"])
async def test_consumers_of_both_flavours_meet_on_any_layer(application: Any, layer: str) -> None:
    given = {"its own": lambda: None, "asynchronous": MemoryLayer, "synchronous": SyncMemoryLayer}[layer]()
    async with Harness(application, layer=given) as h:
        async with h.websocket("/") as one, h.websocket("/") as two:
            await one.accepted()
            await two.accepted()
            await one.send(text="ahoy")
            assert [await one.receive_text(), await two.receive_text()] == ["ahoy", "ahoy"]
            await h.layer.send_group("room", {"type": "chat.line", "text": "from a script"})
            assert await two.receive() == {"type": "websocket.send", "text": "from a script", "bytes": None}
        assert (await h.get("/")).text == "hello"
        assert (await h.post("/", json={"a": 1})).json() == {"a": 1}


def test_a_test_without_an_event_loop() -> None:
    with SyncHarness(Room) as h, h.websocket("/") as one, h.websocket("/") as two:
        one.accepted()
        two.accepted()
        one.send(json="ahoy")
        assert one.receive_json() == two.receive_json() == "ahoy"
        h.layer.send_group("room", {"type": "chat.line", "text": "from a script"})
        assert one.receive_text() == "from a script"
        one.close(4000)
        assert one.closed().code == 4000
        assert one.given[-1] == {"type": "websocket.disconnect", "code": 4000, "reason": ""}
        two.receive()
        two.nothing()


def test_a_synchronous_harness_runs_on_trio_too() -> None:
    with SyncHarness(SyncRoom, backend="trio") as h:
        assert h.get("/").body == b"hello"


async def test_what_was_expected_and_what_happened_so_far() -> None:
    async with Harness(Room) as h, h.websocket("/rooms/a?b=c") as one:
        await one.accepted()
        await one.send(text="ahoy")
        await one.receive()
        with pytest.raises(AssertionError) as failure:
            await one.receive()
    assert str(failure.value).splitlines() == [
        "expected a message, but nothing more will happen: all consumers are idle",
        "WebSocket /rooms/a?b=c (it is idle):",
        "  to it:   websocket.connect path='/rooms/a', query_string=b'b=c'",
        "  from it: websocket.accept",
        "  to it:   websocket.receive text='ahoy'",
        "  to it:   chat.line text='ahoy'",
        "  from it: websocket.send text='ahoy'",
    ]


async def test_a_message_that_nobody_expected() -> None:
    async with Harness(Room) as h, h.websocket("/") as one:
        await one.send(text="ahoy")
        with pytest.raises(AssertionError, match=r"expected no message, but got .*'ahoy'"):
            await one.nothing()


async def fails_on_receive(send: Any, message: Message) -> None:
    if message["type"] == "websocket.connect":
        await send({"type": "websocket.accept"})
    if message["type"] in ("websocket.receive", "http.request"):
        raise KeyError("the mistake")


async def test_the_exception_of_a_consumer_is_the_cause_of_a_failed_expectation() -> None:
    async with Harness(consumer_of(fails_on_receive)) as h, h.websocket("/") as one:
        await one.accepted()
        await one.send(text="a")
        with pytest.raises(AssertionError, match=r"it was closed: Close.code=1011") as failure:
            await one.receive()
    assert isinstance(failure.value.__cause__, KeyError)
    assert "the call raised KeyError: 'the mistake'" in str(failure.value)


async def test_an_exception_that_the_test_expects() -> None:
    async with Harness(consumer_of(fails_on_receive)) as h:
        async with h.websocket("/") as one:
            await one.accepted()
            await one.send(text="a")
            assert (await one.closed()).code == 1011
        assert (await h.raised(KeyError)).args == ("the mistake",)
        assert (await h.get("/")).status == 500
        with pytest.raises(AssertionError, match=r"expected ValueError out of a consumer; came out: .*KeyError"):
            await h.raised(ValueError)
        await h.raised(KeyError)


async def test_an_exception_that_nobody_asks_for_comes_out_of_the_harness() -> None:
    with pytest.raises(KeyError, match="the mistake") as raised:
        async with Harness(consumer_of(fails_on_receive)) as h:
            await h.get("/")
    (note,) = raised.value.__notes__
    assert note.startswith("out of the consumer of GET /, its call with http.request; a test that expects it says")
    with pytest.raises(ExceptionGroup, match="out of consumers"):  # noqa: PT012
        async with Harness(consumer_of(fails_on_receive)) as h:
            await h.get("/")
            await h.get("/")


async def test_an_exception_is_noted_on_the_failure_of_the_test() -> None:
    with pytest.raises(ZeroDivisionError) as failure:  # noqa: PT012
        async with Harness(consumer_of(fails_on_receive)) as h:
            await h.get("/")
            1 / 0  # noqa: B018
    (note,) = failure.value.__notes__
    assert note.startswith("out of the consumer of GET /, its call with http.request:\nTraceback")
    assert "raise KeyError" in note


async def test_a_call_that_does_not_return_is_named() -> None:
    async def hangs(send: Any, message: Message) -> None:
        if message["type"] == "http.request":
            await anyio.sleep_forever()

    with pytest.raises(AssertionError) as failure:
        async with Harness(consumer_of(hangs), deadline=0.1) as h:
            await h.get("/")
    assert "after 0.1 seconds it waits still\nGET / (its call with http.request has not returned)" in str(failure.value)


async def test_what_a_consumer_does_in_a_task_of_its_own_is_waited_for_with_patience() -> None:
    async with anyio.create_task_group() as tasks:

        async def later(send: Any) -> None:
            await anyio.sleep(0.01)
            await send({"type": "http.response", "status": 204})

        async def starts_a_task(send: Any, message: Message) -> None:
            if message["type"] == "http.request":
                tasks.start_soon(later, send)

        async with Harness(consumer_of(starts_a_task), patience=10) as h:
            assert (await h.get("/")).status == 204


async def naps(send: Any, message: Message) -> None:
    if message["type"] == "http.request":
        await send({"type": "server.wake", "after": 20})
    elif message["type"] == "server.wake":
        await send({"type": "http.response", "status": 204})


async def test_time_passes_when_the_test_says_so() -> None:
    async with Harness(consumer_of(naps)) as h, h.http("GET", "/") as request:
        await h.clock.advance(19.5)
        await request.waiting()
        await h.clock.advance(0.5)
        assert (await request.response()).status == 204
        with pytest.raises(ValueError, match="does not go back"):
            await h.clock.advance(-1)


async def test_a_consumer_that_never_sleeps() -> None:
    async def restless(send: Any, message: Message) -> None:
        if message["type"] in ("http.request", "server.wake"):
            await send({"type": "server.wake", "after": 1e-9})

    async with Harness(consumer_of(restless)) as h, h.http("GET", "/"):
        with pytest.raises(AssertionError, match=r"see who sends server.wake"):
            await h.clock.advance(1)


async def test_a_consumer_that_is_woken_without_end_is_named_and_not_the_one_that_is_waited_for() -> None:
    async def restless(send: Any, message: Message) -> None:
        if message.get("path") == "/restless" or message["type"] == "server.wake":
            await send({"type": "server.wake", "after": 0})

    async with Harness(consumer_of(restless), deadline=0.3) as h, h.http("GET", "/quiet") as quiet:
        async with h.http("GET", "/restless"):
            for wait in (quiet.response, h.settle, lambda: h.clock.advance(1)):
                with pytest.raises(AssertionError, match=r"GET /restless was woken \d+ times while the clock stood"):
                    await wait()
        await quiet.waiting()


async def silent(send: Any, message: Message) -> None:
    pass


async def test_a_servers_time_outs_run_on_the_clock() -> None:
    async with Harness(consumer_of(silent), limits=Limits(response_timeout=5)) as h:
        async with h.http("GET", "/") as request, h.websocket("/") as socket:
            await h.clock.advance(5)
            assert (await request.response()).status == 503
            await h.clock.advance(5)
            assert (await socket.rejected()).status == 503
        assert [one["type"] for one in request.given] == ["http.request", "http.disconnect"]
        assert socket.given[-1]["code"] == 1006


async def test_a_layer_may_share_the_clock() -> None:
    clock = Clock()
    async with MemoryLayer(clock=clock) as layer, Harness(Room, layer=layer, clock=clock) as h:
        await h.layer.send("somewhere", {"type": "a.b"})
        await h.clock.advance(61)
        assert await layer.receive(["somewhere"], timeout=0) == (None, None)


async def test_the_layer_of_the_harness_keeps_what_nobody_has_taken() -> None:
    async with Harness(Room) as h:
        await h.layer.send("work", {"type": "work.todo", "number": 1})
        assert await h.layer.receive(["work"]) == ("work", {"type": "work.todo", "number": 1})
        assert await h.layer.receive(["work"], timeout=0) == (None, None)
        for _ in range(100):
            await h.layer.send("work", {"type": "work.todo"})
        with pytest.raises(h.layer.ChannelFull):
            await h.layer.send("work", {"type": "work.todo"})
        await h.clock.advance(60)
        await h.layer.send("work", {"type": "work.todo"})
        with pytest.raises(ValueError, match="MSG-021"):
            await h.layer.send("work", {"type": "websocket.receive"})
        with pytest.raises(h.layer.MessageTooLarge):
            await h.layer.send("work", {"type": "work.todo", "text": "x" * 2_000_000})


@pytest.mark.parametrize("application", [Room, SyncRoom])
async def test_a_client_that_does_not_read_slows_its_consumer_down(application: Any) -> None:
    async with Harness(application, limits=Limits(layer_messages=4)) as h, h.websocket("/") as one:
        await h.settle()
        one.pause()
        for number in range(8):
            await h.layer.send_group("room", {"type": "chat.line", "text": str(number)})
        await h.settle()
        assert [message["type"] for message in one.given] == ["websocket.connect", "chat.line"]
        one.resume()
        heard = [await one.receive_text() for _ in range(5)]
        assert heard == list("01234")
        await h.settle()
        assert {"type": "layer.gap", "reason": "overflow", "dropped": 3} in one.given


async def test_a_client_that_takes_nothing_is_given_up() -> None:
    async with Harness(Room) as h, h.websocket("/") as one:
        await one.accepted()
        one.pause()
        await one.send(text="a")
        await h.clock.advance(29)
        await h.settle()
        assert len(one.given) == 3
        await h.clock.advance(1)
        assert (await one.closed()).code == 1006
        assert one.given[-1]["type"] == "websocket.disconnect"


async def test_a_gap_and_a_drain_on_demand() -> None:
    async with Harness(Room) as h, h.websocket("/") as one, h.websocket("/") as two:
        await one.accepted()
        await one.gap(dropped=3)
        assert await one.receive_text() == "missed 3"
        await one.drain("overload")
        assert await one.receive_text() == "goodbye: overload"
        assert (await one.closed()).code == 1013
        await h.drain()
        assert await two.receive_text() == "goodbye: shutdown"
        assert (await two.closed()).code == 1012


async def test_a_body_in_parts_and_a_response_in_parts() -> None:
    async def copies(send: Any, message: Message) -> None:
        if message["type"] == "http.request":
            await send({"type": "http.response.informational", "status": 103, "headers": [(b"link", b"</a>")]})
            await send({"type": "http.response", "status": 200, "more_body": True, "trailers": True})
        elif message["type"] == "http.request.body":
            await send({"type": "http.response.body", "body": message["body"], "more_body": message["more_body"]})
        elif message["type"] == "http.request.trailers":
            await send({"type": "http.response.trailers", "headers": message["headers"]})

    async with Harness(consumer_of(copies)) as h, h.http("POST", "/", more_body=True) as request:
        assert (await request.begun()).status == 200
        await request.body(b"one", more_body=True)
        assert await request.part() == b"one"
        await request.body(b"two")
        assert await request.part() == b"two"
        await request.trailers({"X-Sum": "6"})
        response = await request.response()
    assert (response.body, response.trailers) == (b"onetwo", [(b"x-sum", b"6")])
    assert response.informational == [(103, [(b"link", b"</a>")])]


async def test_the_life_of_a_process() -> None:
    record: list[str] = []

    async def lives(send: Any, message: Message) -> None:
        record.append(message["type"])

    async with Harness(consumer_of(lives, types=("lifespan", "http"))) as h:
        assert record == ["lifespan.startup"]
        await h.drain()
    assert record == ["lifespan.startup", "server.drain", "lifespan.shutdown"]


async def test_a_process_that_cannot_start() -> None:
    record: list[str] = []

    async def fails(send: Any, message: Message) -> None:
        record.append(message["type"])
        if message["type"] == "lifespan.startup":
            raise LookupError("no database")

    with pytest.raises(LookupError, match="no database"):
        async with Harness(consumer_of(fails, types=("lifespan", "http"))):
            raise AssertionError("it has started")
    assert record == ["lifespan.startup", "lifespan.shutdown"]


async def test_a_call_that_outlives_its_connection_is_cancelled_in_the_end() -> None:
    cancelled = []

    async def lingers(send: Any, message: Message) -> None:
        if message["type"] == "http.disconnect":
            try:
                await anyio.sleep_forever()
            finally:
                cancelled.append(True)

    async with Harness(consumer_of(lingers)) as h:
        async with h.http("GET", "/") as request:
            await request.leave()
            await h.clock.advance(9)
            assert not cancelled
            await h.clock.advance(1)
        assert cancelled == [True]


@pytest.mark.parametrize("is_async", [True, False])
async def test_all_calls_share_one_context(is_async: bool) -> None:
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)
    seen = []

    def note() -> None:
        seen.append(variable.get())
        variable.set(variable.get() + 1)

    def application(type: str, layer: Any, channel: str, send: Any) -> Any:
        async def consumer(message: Message) -> None:
            note()

        def sync_consumer(message: Message) -> None:
            note()

        return consumer if is_async else sync_consumer

    application.is_async = is_async  # type: ignore[attr-defined]
    async with Harness(application) as h:
        for _ in range(2):
            async with h.http("GET", "/") as request:
                await h.layer.send(request.channel, {"type": "a.b"})
                await h.settle()
    assert seen == [0, 1, 2] * 2


async def test_a_synchronous_consumer_runs_beside_the_event_loop_and_may_send_from_any_thread() -> None:
    here = threading.get_ident()
    threads = set()

    class Threads(SyncRoom):
        def __call__(self, message: Message) -> None:  # type: ignore[override]
            threads.add(threading.get_ident())
            if message["type"] == "http.request":
                other = threading.Thread(target=self.send, args=({"type": "http.response", "status": 204},))
                other.start()
                other.join()

    async with Harness(Threads) as h:
        assert (await h.get("/")).status == 204
    assert here not in threads


def plain(type: str, layer: Any, channel: str, send: Any) -> Any:
    return lambda message: None


async def coroutine(message: Message) -> None: ...


@pytest.mark.parametrize(
    ("result", "is_async", "requirement"),
    [(None, True, "CON-012"), (lambda message: None, True, "CON-017"), (coroutine, False, "CON-018")],
)
async def test_a_consumer_of_the_wrong_kind(result: Any, is_async: bool, requirement: str) -> None:
    def application(type: str, layer: Any, channel: str, send: Any) -> Any:
        return result

    application.is_async = is_async  # type: ignore[attr-defined]
    async with Harness(application) as h:
        assert (await h.get("/")).status == 500
        for _ in range(1 if result is None else 2):  # the second time: the call with the terminal message
            assert requirement in str(await h.raised(TypeError))


async def test_wrong_use_is_told() -> None:
    with pytest.raises(TypeError, match="an application is a callable"):
        Harness(None)
    with pytest.raises(TypeError, match="LAY-006"):
        Harness(Room, layer=object())
    h = Harness(consumer_of(silent, types=("http",)))
    with pytest.raises(RuntimeError, match="use `async with Harness"):
        await h.settle()
    with pytest.raises(RuntimeError, match="use `with SyncHarness"):
        SyncHarness(Room).get("/")
    async with h:
        with pytest.raises(TypeError, match=r"takes \['http'\] by its `types`, not 'websocket' \(CON-007\)"):
            async with h.websocket("/"):
                pass
        with pytest.raises(ValueError, match="expected a path as a client sends it"):
            await h.get("/café")
        with pytest.raises(TypeError, match="not both"):
            await h.request("POST", "/", body=b"", json={})
    with pytest.raises(RuntimeError, match="make a new one"):
        async with h:
            pass
    async with Harness(Room) as room, room.websocket("/") as one:
        with pytest.raises(TypeError, match="exactly one of"):
            await one.send(text="a", bytes=b"a")
        with pytest.raises(ValueError, match="does not send the close code 1006"):
            await one.close(1006)


async def test_a_failing_test_fails_with_its_own_exception() -> None:
    with pytest.raises(ZeroDivisionError):
        async with Harness(Room) as h, h.websocket("/"):
            1 / 0  # noqa: B018

"""`checked`: a correct application and server are silent, a broken one is named with its requirement."""

import itertools
import logging
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest

from seaway.conformance.client.http import connect
from seaway.conformance.client.websocket import text, websocket
from seaway.layers import MemoryLayer, SyncMemoryLayer
from seaway.reference import Route, Router, Server, Settings, adapt_sync
from seaway.reference.checking import RequirementBroken, checked, checked_layer
from seaway.spec import from_json
from seaway.spec.schemas import vectors

from .fakes import Suspend, advance

Message = dict[str, Any]
Told = list[tuple[str, str]]
INBOX = "server.k3x9q0w7m1b2c3d4!"
CHANNEL = f"{INBOX}17"
REQUEST = from_json(vectors("http.request")["valid"][0]["message"])
CONNECT = from_json(vectors("websocket.connect")["valid"][0]["message"])
RESPONSE = {"type": "http.response", "status": 200}
DONE = {"type": "http.disconnect", "complete": True}
CUT = {"type": "http.disconnect", "complete": False}
ACCEPT = {"type": "websocket.accept"}
CLOSE = {"type": "websocket.close"}
TEXT = {"type": "websocket.send", "text": "a"}
GONE = {"type": "websocket.disconnect", "code": 1001}
Plan = dict[str, list[Any]]
numbers = itertools.count(100)


@pytest.fixture(autouse=True)
def nobody_is_left_over() -> Iterator[None]:
    """What is told when a consumer is let go is told in its own test."""
    yield
    while Stage.all:
        Stage.all.pop().let_go()


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Callable[[], Told]:
    """What was told since the last look: who broke which requirement."""

    def look() -> Told:
        broken = [record.args[0] for record in caplog.records if record.name == "seaway.check" and record.args]  # type: ignore[index]
        caplog.clear()
        # A consumer of another test that the garbage collector finds now is not of interest.
        return [(one.by, one.requirement) for one in broken if one.requirement != "CON-046" or _is_ours(one.text)]  # type: ignore[union-attr]

    caplog.set_level(logging.ERROR, "seaway.check")
    return look


def _is_ours(text: str) -> bool:
    return any(f"{stage.channel})" in text for stage in Stage.all)


class Stage:
    """A server by hand: `give` calls the consumer of a checked application, which sends by a plan.

    - `plan`: for the type of a message what the consumer sends; an exception in it is raised.
    - `answers`: what the server's `send` raises, one for each call; nothing: it accepts.
    """

    all: ClassVar[list["Stage"]] = []

    def __init__(self, is_async: bool, plan: Plan, *, type: str = "http", raises: bool = False, **attributes: Any):
        self.is_async = is_async
        self.plan = plan
        self.answers: list[Exception | None] = []
        self.sent: list[Message] = []
        application = self._application
        self.application = checked(_with(application, is_async=is_async, **attributes), raises=raises)
        self.view = MemoryLayer() if is_async else SyncMemoryLayer()
        Stage.all.append(self)
        self.channel = f"{INBOX}{next(numbers)}"
        self.consumer: Any = self.application(
            type, self.view, self.channel, self._async_send if is_async else self._send
        )

    def give(self, *messages: Message) -> "Stage":
        for message in messages:
            result = self.consumer(message)
            if self.is_async:
                assert advance(result)
        return self

    def send(self, message: Message) -> None:
        """The consumer sends, outside of a call."""
        result = self.sender(message)
        if self.is_async:
            assert advance(result)

    def let_go(self) -> None:
        self.consumer = None

    def _application(self, type: str, layer: Any, channel: str, send: Any) -> Any:
        self.sender = send
        return self._async_consumer if self.is_async else self._consumer

    def _consumer(self, message: Message) -> None:
        for one in self.plan.get(message["type"], []):
            if isinstance(one, BaseException):
                raise one
            self.sender(one)

    async def _async_consumer(self, message: Message) -> None:
        for one in self.plan.get(message["type"], []):
            if isinstance(one, BaseException):
                raise one
            await self.sender(one)

    def _send(self, message: Message) -> None:
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer
        self.sent.append(message)

    async def _async_send(self, message: Message) -> None:
        self._send(message)


def _with(application: Any, **attributes: Any) -> Any:
    def named(*arguments: Any) -> Any:
        return application(*arguments)

    for name, value in attributes.items():
        setattr(named, name, value)
    return named


GOOD: dict[str, tuple[str, Plan, list[Message]]] = {
    "a response": ("http", {"http.request": [RESPONSE]}, [REQUEST, DONE]),
    "a response in parts": (
        "http",
        {"http.request": [{**RESPONSE, "more_body": True}, {"type": "http.response.body"}]},
        [REQUEST, DONE],
    ),
    "long polling": (
        "http",
        {"http.request": [{"type": "server.wake", "after": 5}], "server.wake": [RESPONSE]},
        [REQUEST, {"type": "news.item"}, {"type": "server.wake"}, DONE],
    ),
    "a client that goes": ("http", {}, [REQUEST, CUT]),
    "a chat": (
        "websocket",
        {"websocket.connect": [ACCEPT], "websocket.receive": [TEXT, CLOSE]},
        [CONNECT, {"type": "websocket.receive", "text": "a"}, {"type": "chat.line"}, GONE],
    ),
}


@pytest.mark.parametrize(("type", "plan", "given"), GOOD.values(), ids=GOOD)
def test_what_is_right_is_not_told(
    told: Callable[[], Told], is_async: bool, type: str, plan: Plan, given: list[Message]
) -> None:
    stage = Stage(is_async, plan, type=type, raises=True).give(*given)
    stage.let_go()

    assert told() == []
    assert stage.sent == [message for sent in plan.values() for message in sent]


BROKEN: dict[str, tuple[str, Plan, list[Message], str]] = {
    "a second response": ("http", {"http.request": [RESPONSE, RESPONSE]}, [REQUEST, DONE], "HTTP-026"),
    "a body without a response": ("http", {"http.request": [{"type": "http.response.body"}]}, [REQUEST], "HTTP-026"),
    "a status that is none": ("http", {"http.request": [{**RESPONSE, "status": 99}]}, [REQUEST], "HTTP-021"),
    "a header in upper case": (
        "http",
        {"http.request": [{**RESPONSE, "headers": [(b"X", b"")]}]},
        [REQUEST],
        "HTTP-032",
    ),
    "a message without a type": ("http", {"http.request": [{"status": 200}]}, [REQUEST], "MSG-001"),
    "a value that cannot travel": ("http", {"http.request": [{**RESPONSE, "x": {1, 2}}]}, [REQUEST], "MSG-003"),
    "another protocol's message": ("http", {"http.request": [TEXT]}, [REQUEST], "MSG-027"),
    "a message of its own to the client": ("http", {"http.request": [{"type": "a.b"}]}, [REQUEST], "MSG-027"),
    "a wake-up without a time": ("http", {"http.request": [{"type": "server.wake"}]}, [REQUEST], "SRV-018"),
    "a close before accept": ("websocket", {"websocket.connect": [CLOSE]}, [CONNECT], "WS-018"),
    "a send after close": ("websocket", {"websocket.connect": [ACCEPT, CLOSE, TEXT]}, [CONNECT], "WS-015"),
    "text and bytes": ("websocket", {"websocket.connect": [{**TEXT, "bytes": b"a"}]}, [CONNECT], "WS-013"),
    "a close code that may not be sent": (
        "websocket",
        {"websocket.connect": [ACCEPT, {**CLOSE, "code": 1006}]},
        [CONNECT],
        "WS-014",
    ),
    "a send from a lifespan": (
        "lifespan",
        {"lifespan.startup": [RESPONSE]},
        [{"type": "lifespan.startup", "extensions": {"interface": "1.0"}}],
        "MSG-027",
    ),
}


@pytest.mark.parametrize(("type", "plan", "given", "requirement"), BROKEN.values(), ids=BROKEN)
def test_what_an_application_breaks_is_told(
    told: Callable[[], Told], is_async: bool, type: str, plan: Plan, given: list[Message], requirement: str
) -> None:
    refusing = Stage(is_async, plan, type=type, types=(type,))
    refusing.answers = [None] * (len(plan[given[0]["type"]]) - 1) + [ValueError(f"no ({requirement})")]
    with pytest.raises(ValueError, match=requirement):
        refusing.give(*given)
    assert told() == [("application", requirement)]


@pytest.mark.parametrize(("type", "plan", "given", "requirement"), BROKEN.values(), ids=BROKEN)
def test_a_server_that_takes_it_is_told_too(
    told: Callable[[], Told], is_async: bool, type: str, plan: Plan, given: list[Message], requirement: str
) -> None:
    Stage(is_async, plan, type=type, types=(type,)).give(*given)
    (first, (by, requirement_of_server)) = told()

    assert first == ("application", requirement)
    assert by == "server"
    assert requirement_of_server in (requirement, "MSG-027")


@pytest.mark.parametrize(("type", "plan", "given", "requirement"), BROKEN.values(), ids=BROKEN)
def test_it_raises_if_asked_before_the_server_gets_it(
    is_async: bool, type: str, plan: Plan, given: list[Message], requirement: str
) -> None:
    stage = Stage(is_async, plan, type=type, types=(type,), raises=True)
    with pytest.raises(RequirementBroken, match=f"the application broke {requirement}: .*{stage.channel}"):
        stage.give(*given)
    assert len(stage.sent) == len(plan[given[0]["type"]]) - 1


def test_a_refused_message_leaves_the_exchange_as_it_was(told: Callable[[], Told], is_async: bool) -> None:
    long = {**RESPONSE, "headers": [(b"content-length", b"1")], "body": b"too long"}
    stage = Stage(is_async, {})
    stage.give(REQUEST)
    stage.answers = [ValueError("longer than content-length (HTTP-038)")]
    with pytest.raises(ValueError, match="HTTP-038"):
        stage.send(long)
    assert told() == [("application", "HTTP-038")]

    stage.send(RESPONSE)
    stage.give(DONE)
    assert told() == []


class Waiting:
    """A stage whose `send` waits once, as for a slow client; `error` is how it ends then."""

    def __init__(self, stage: Stage, error: Exception | None = None) -> None:
        async def wait(message: Message) -> None:
            await Suspend()
            if error is not None:
                raise error

        stage.sender._send = wait


def test_what_waits_may_have_been_taken_or_not(told: Callable[[], Told]) -> None:
    stage = Stage(True, {}).give(REQUEST)
    Waiting(stage)
    messages = [{**RESPONSE, "more_body": True}, {"type": "server.wake", "after": 5}, {"type": "http.response.body"}]
    sends = [stage.sender(message) for message in messages]
    assert not any(advance(send) for send in sends)
    stage.give({"type": "chat.line"}, {"type": "server.wake"})
    assert all(advance(send) for send in reversed(sends))
    stage.give(DONE)
    assert told() == []


def test_what_came_may_show_that_a_send_was_taken(told: Callable[[], Told]) -> None:
    stage = Stage(True, {}).give(REQUEST)
    Waiting(stage)
    response = stage.sender(RESPONSE)
    assert not advance(response)
    stage.give(DONE)
    assert advance(response)
    stage.let_go()
    assert told() == []


def test_what_is_wrong_either_way_is_told(told: Callable[[], Told]) -> None:
    stage = Stage(True, {}, type="websocket").give(CONNECT)
    Waiting(stage)
    sends = [stage.sender(ACCEPT), stage.sender({"type": "http.response.body"})]
    assert not any(advance(send) for send in sends)
    assert told() == [("application", "MSG-027")]
    stage.give(REQUEST)
    assert told() == [("server", "MSG-026")]
    assert all(advance(send) for send in sends)
    assert told() == [("server", "MSG-027")]


def test_a_late_refusal_does_not_undo_what_came_after_it(told: Callable[[], Told]) -> None:
    stage = Stage(True, {}, type="websocket").give(CONNECT)
    Waiting(stage, ValueError("not offered (WS-019)"))
    refused = stage.sender({**ACCEPT, "subprotocol": "chat"})
    assert not advance(refused)
    stage.sender._send = stage._async_send
    stage.send(ACCEPT)
    stage.give({"type": "websocket.receive", "text": "a"})
    with pytest.raises(ValueError, match="WS-019"):
        advance(refused)
    assert told() == [("application", "WS-019")]


def test_an_error_that_names_no_requirement_is_the_servers(told: Callable[[], Told], is_async: bool) -> None:
    stage = Stage(is_async, {"http.request": [RESPONSE]})
    stage.answers = [ValueError("no")]
    with pytest.raises(ValueError, match="no"):
        stage.give(REQUEST)
    assert told() == [("server", "MSG-012")]


def test_to_send_to_a_client_that_has_gone_is_nobodys_fault(told: Callable[[], Told], is_async: bool) -> None:
    stage = Stage(is_async, {"http.disconnect": [RESPONSE]})
    stage.answers = [ConnectionError("gone")]
    with pytest.raises(ConnectionError):
        stage.give(REQUEST, CUT)
    stage.let_go()
    assert told() == []


def test_a_server_that_sends_to_a_client_that_has_gone(told: Callable[[], Told], is_async: bool) -> None:
    Stage(is_async, {"http.disconnect": [RESPONSE]}).give(REQUEST, CUT)
    assert told() == [("server", "HTTP-027")]


def test_a_send_before_the_first_message(told: Callable[[], Told], is_async: bool) -> None:
    stage = Stage(is_async, {})
    stage.answers = [ValueError("not yet (CON-029)")]
    with pytest.raises(ValueError, match="CON-029"):
        stage.send(RESPONSE)
    assert told() == [("application", "CON-029")]


SERVERS: dict[str, tuple[Plan, list[Message], str]] = {
    "another first message": ({}, [{"type": "chat.line"}, REQUEST, CUT], "CON-028"),
    "a request twice": ({}, [REQUEST, REQUEST, CUT], "CON-002"),
    "a request that is not valid": ({}, [{**REQUEST, "method": 1}, REQUEST, CUT], "HTTP-001"),
    "a part of the body after its end": ({}, [REQUEST, {"type": "http.request.body"}, CUT], "HTTP-002"),
    "complete without a response": ({}, [REQUEST, DONE, CUT], "HTTP-012"),
    "a message after the terminal one": ({}, [REQUEST, CUT, {"type": "chat.line"}], "CON-047"),
    "the terminal message twice": ({}, [REQUEST, CUT, CUT], "CON-047"),
    "a wake-up that nobody asked for": ({}, [REQUEST, {"type": "server.wake"}, CUT], "SRV-020"),
    "a message of another protocol": ({}, [REQUEST, {"type": "websocket.receive", "text": "a"}, CUT], "MSG-026"),
}


@pytest.mark.parametrize(("plan", "given", "requirement"), SERVERS.values(), ids=SERVERS)
def test_what_a_server_breaks_is_told(
    told: Callable[[], Told], is_async: bool, plan: Plan, given: list[Message], requirement: str
) -> None:
    Stage(is_async, plan).give(*given).let_go()
    assert told() == [("server", requirement)]

    with pytest.raises(RequirementBroken, match=requirement):
        Stage(is_async, plan, raises=True).give(*given)


def test_an_exception_must_be_followed_by_the_terminal_message(told: Callable[[], Told], is_async: bool) -> None:
    stage = Stage(is_async, {"http.request": [KeyError()]})
    with pytest.raises(KeyError):
        stage.give(REQUEST)
    stage.give({"type": "chat.line"}, CUT)
    assert told() == [("server", "CON-052")]


def test_the_end_of_the_connection_that_a_consumer_lets_through_is_no_exception(
    told: Callable[[], Told], is_async: bool
) -> None:
    stage = Stage(is_async, {"http.request": [RESPONSE]})
    stage.answers = [ConnectionError("gone")]
    with pytest.raises(ConnectionError):
        stage.give(REQUEST)
    stage.give({"type": "chat.line"}, CUT)
    assert told() == []


def test_a_consumer_that_is_let_go_without_its_terminal_message(told: Callable[[], Told], is_async: bool) -> None:
    Stage(is_async, {}).give(REQUEST).let_go()
    assert told() == [("server", "CON-046")]


def test_a_call_while_a_call_is_running(told: Callable[[], Told]) -> None:
    inner: list[Any] = []

    def application(*_: Any) -> Any:
        return lambda message: inner[0](CUT) if message["type"] == "http.request" else None

    consumer = checked(_with(application, is_async=False))("http", SyncMemoryLayer(), CHANNEL, print)
    inner.append(consumer)
    consumer(REQUEST)
    assert told() == [("server", "CON-030")]


def test_values_that_a_consumer_changes(told: Callable[[], Told]) -> None:
    def application(*_: Any) -> Any:
        return lambda message: message["headers"].append((b"x", b"y")) if "headers" in message else None

    consumer = checked(_with(application, is_async=False))("http", SyncMemoryLayer(), CHANNEL, print)
    consumer({**REQUEST, "headers": [(b"host", b"a")]})
    consumer(CUT)
    assert told() == [("application", "MSG-019")]


# -- the call of the application -------------------------------------------------------------------------------


async def coroutine_function(*_: Any) -> Any: ...


def nothing(*_: Any) -> Any: ...


def consumer_without_async(*_: Any) -> Any:
    return nothing


def async_consumer(*_: Any) -> Any:
    return coroutine_function


def test_an_application_that_makes_no_consumer(told: Callable[[], Told]) -> None:
    checked(nothing)("http", MemoryLayer(), CHANNEL, coroutine_function)
    assert told() == [("application", "CON-003")]

    checked(coroutine_function)("http", MemoryLayer(), CHANNEL, coroutine_function).close()
    assert told() == [("application", "CON-004")]


def test_a_consumer_of_the_wrong_flavour(told: Callable[[], Told]) -> None:
    asynchronous = checked(consumer_without_async)("http", MemoryLayer(), CHANNEL, coroutine_function)
    with pytest.raises(TypeError, match="CON-017"):
        advance(asynchronous(REQUEST))
    assert told() == [("application", "CON-017")]

    synchronous = checked(_with(async_consumer, is_async=False))("http", SyncMemoryLayer(), CHANNEL, nothing)
    synchronous(REQUEST).close()
    assert told() == [("application", "CON-018")]


def test_a_flavour_that_is_no_bool(told: Callable[[], Told]) -> None:
    checked(_with(async_consumer, is_async="yes"))("http", MemoryLayer(), CHANNEL, coroutine_function)
    assert told()[0] == ("application", "CON-013")


CALLS: dict[str, tuple[tuple[Any, ...], str]] = {
    "a view of the other flavour": (("http", MemoryLayer(), CHANNEL, nothing), "CON-015"),
    "a view that lacks methods": (("http", object(), CHANNEL, nothing), "CON-019"),
    "a type that the application does not take": (("task", SyncMemoryLayer(), CHANNEL, nothing), "CON-007"),
    "a type that is no name": (("HTTP/1.1", SyncMemoryLayer(), CHANNEL, nothing), "CON-006"),
    "a channel that is none": (("http", SyncMemoryLayer(), "a b", nothing), "CON-024"),
    "a normal channel": (("http", SyncMemoryLayer(), "work", nothing), "CON-024"),
    "the bare inbox": (("http", SyncMemoryLayer(), "server.k3!", nothing), "CON-024"),
}


@pytest.mark.parametrize(("arguments", "requirement"), CALLS.values(), ids=CALLS)
def test_how_a_server_calls_an_application(
    told: Callable[[], Told], arguments: tuple[Any, ...], requirement: str
) -> None:
    checked(_with(consumer_without_async, is_async=False))(*arguments)
    assert told() == [("server", requirement)]


def test_a_call_with_other_arguments(told: Callable[[], Told]) -> None:
    checked(nothing)("http", MemoryLayer(), CHANNEL)
    assert told() == [("server", "CON-001")]


def test_a_channel_that_two_consumers_get(told: Callable[[], Told]) -> None:
    application = checked(_with(consumer_without_async, is_async=False))
    for channel in (CHANNEL, f"{CHANNEL}0", CHANNEL):
        application("http", SyncMemoryLayer(), channel, nothing)
    assert told() == [("server", "CON-025")]


def test_only_so_many_channels_are_remembered(monkeypatch: pytest.MonkeyPatch, told: Callable[[], Told]) -> None:
    monkeypatch.setattr("seaway.reference.checking.application._KNOWN_CHANNELS", 1)
    application = checked(_with(consumer_without_async, is_async=False))
    for channel in (CHANNEL, f"{CHANNEL}0", CHANNEL):
        application("http", SyncMemoryLayer(), channel, nothing)
    assert told() == []


def test_a_send_of_the_wrong_flavour(told: Callable[[], Told], is_async: bool) -> None:
    stage = Stage(is_async, {"http.request": [RESPONSE]})
    stage.sender._send = stage._send if is_async else stage._async_send
    stage.give(REQUEST, DONE)
    assert told() == [("server", "CON-015")]


@pytest.mark.parametrize("attributes", [{}, {"is_async": False}, {"types": ("lifespan",), "is_async": True}])
def test_the_wrapper_has_the_attributes_of_the_application(attributes: dict[str, Any]) -> None:
    wrapper = checked(_with(nothing, **attributes))
    for name in ("is_async", "types"):
        assert getattr(wrapper, name, "none") == attributes.get(name, "none")


# -- on a real server ------------------------------------------------------------------------------------------


class Chat:
    def __init__(self, type: str, layer: Any, channel: str, send: Any) -> None:
        self.layer, self.channel, self.send = layer, channel, send

    async def __call__(self, message: Message) -> None:
        match message["type"]:
            case "websocket.connect":
                await self.layer.group_add("room", self.channel)
                await self.send(ACCEPT)
            case "websocket.receive":
                await self.layer.send_group("room", {"type": "chat.line", "text": message["text"]})
            case "chat.line":
                await self.send({"type": "websocket.send", "text": message["text"]})
            case "http.request":
                await self.send({**RESPONSE, "body": b"async"})


class SyncChat:
    is_async = False

    def __init__(self, type: str, layer: Any, channel: str, send: Any) -> None:
        self.layer, self.channel, self.send = layer, channel, send

    def __call__(self, message: Message) -> None:
        match message["type"]:
            case "websocket.connect":
                self.layer.group_add("room", self.channel)
                self.send(ACCEPT)
            case "websocket.receive":
                self.layer.send_group("room", {"type": "chat.line", "text": message["text"]})
            case "chat.line":
                self.send({"type": "websocket.send", "text": message["text"]})
            case "http.request":
                self.send({**RESPONSE, "body": b"sync"})


APPLICATIONS = {
    "async": Chat,
    "sync": SyncChat,
    "sync, adapted": adapt_sync(SyncChat),
    "sync in a router": Router([Route("/", SyncChat)]),
}


@pytest.mark.anyio
@pytest.mark.parametrize("application", APPLICATIONS.values(), ids=APPLICATIONS)
async def test_the_reference_server_and_layer_are_silent(told: Callable[[], Told], application: Any) -> None:
    settings = Settings(access_log=False, grace=2.0)
    async with (
        checked_layer(MemoryLayer(), raises=True) as layer,
        Server(checked(application, raises=True), layer=layer, port=0, settings=settings) as server,
    ):
        async with connect(server.address) as client:
            assert (await client.ask("/")).status == 200
        async with websocket(server.address, "/") as socket:
            await socket.send(text("ahoy"))
            assert await socket.message() == "ahoy"
            assert await socket.close() == 1000
    assert told() == []

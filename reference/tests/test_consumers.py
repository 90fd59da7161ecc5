"""The base classes of consumers: which message reaches which method, and what the helpers send."""

import functools
import inspect
import logging
from typing import Any

import pytest

from seaway.reference.consumers import Consumer, SyncConsumer, handles

Message = dict[str, Any]
LOGGER = "seaway.consumers"


class Recorder:
    """Stands for the server: notes what is sent and what the layer is asked for, in either flavour."""

    def __init__(self, is_async: bool) -> None:
        self.is_async = is_async
        self.sent: list[Message] = []
        self.layer_calls: list[tuple[Any, ...]] = []

    def send(self, message: Message) -> Any:
        return self._note(self.sent, message)

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self._note(self.layer_calls, (name, *arguments))

    def _note(self, notes: list[Any], note: Any) -> Any:
        if not self.is_async:
            notes.append(note)
            return None

        async def later() -> None:
            notes.append(note)

        return later()

    def make(self, cls: Any, type: str = "websocket", **kwargs: Any) -> Any:
        return cls(type, self, "server.x!1", self.send, **kwargs)


async def done(result: Any) -> Any:
    return await result if inspect.isawaitable(result) else result


class Calls:
    """A mix-in that notes calls: what both flavours of the chat below share."""

    calls: list[tuple[Any, ...]]

    def _note(self, *call: Any) -> None:
        self.__dict__.setdefault("calls", []).append(call)


class AsyncChat(Calls, Consumer):
    async def websocket_connect(self, message: Message, room_name: str) -> None:
        self._note("connect", room_name)
        await self.group_add(room_name)
        await self.accept()

    async def websocket_receive(self, message: Message) -> None:
        self._note("receive", message["text"])

    async def group_message(self, message: Message) -> None:
        self._note("group", message["text"])


class SyncChat(Calls, SyncConsumer):
    def websocket_connect(self, message: Message, room_name: str) -> None:
        self._note("connect", room_name)
        self.group_add(room_name)
        self.accept()

    def websocket_receive(self, message: Message) -> None:
        self._note("receive", message["text"])

    def group_message(self, message: Message) -> None:
        self._note("group", message["text"])


@pytest.mark.anyio
async def test_a_message_calls_the_method_that_its_type_names(is_async: bool) -> None:
    recorder = Recorder(is_async)
    chat = recorder.make(AsyncChat if is_async else SyncChat, room_name="lobby")

    for message in (
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "one"},
        {"type": "group.message", "text": "two"},
    ):
        await done(chat(message))

    assert chat.calls == [("connect", "lobby"), ("receive", "one"), ("group", "two")]
    assert recorder.layer_calls == [("group_add", "lobby", "server.x!1")]
    assert [message["type"] for message in recorder.sent] == ["websocket.accept"]


@pytest.mark.anyio
async def test_an_unknown_type_is_ignored_and_logged_once(is_async: bool, caplog: pytest.LogCaptureFixture) -> None:
    class AsyncQuiet(AsyncChat):
        pass

    class SyncQuiet(SyncChat):
        pass

    chat = Recorder(is_async).make(AsyncQuiet if is_async else SyncQuiet)
    with caplog.at_level(logging.WARNING, LOGGER):
        for _ in range(3):
            for type in ("group.unheard", "other.unheard", "websocket.unheard", "http.disconnect"):
                await done(chat({"type": type}))

    logged = [record.getMessage() for record in caplog.records if record.name == LOGGER]
    assert len(logged) == 2, "application types once each, reserved ones never"
    assert "group.unheard" in logged[0]
    assert "other.unheard" in logged[1]


def test_what_is_remembered_of_unknown_types_has_a_bound(caplog: pytest.LogCaptureFixture) -> None:
    class Few(SyncConsumer):
        def a_b(self, message: Message) -> None: ...

    consumer = Recorder(False).make(Few)
    with caplog.at_level(logging.CRITICAL, LOGGER):
        for number in range(2000):
            consumer({"type": f"made.up{number}"})

    assert len(Few._handlers) < 1100


@pytest.mark.parametrize(
    "type",
    [
        "group.add",
        "group.discard",
        "send",
        "send.json",
        "send.group",
        "channel.layer",
        "consumer.channel",
        "url.arguments",
        "receive.json",
        "_private.call",
        "private.call",
        ".private.call",
        "_.init._",
        "__init__",
        "handlers",
        "kwargs",
        "note",
        "no.function",
        "a.static",
        "a.class",
        "a.property",
    ],
)
def test_a_message_never_reaches_what_is_no_handler(type: str) -> None:
    reached: list[str] = []

    class Target(SyncConsumer):
        no_function = "text"

        def websocket_receive(self, message: Message) -> None: ...

        def _private_call(self, message: Message) -> None:
            reached.append("_private_call")

        def note(self, message: Message) -> None:
            reached.append("note")

        @staticmethod
        def a_static(message: Message) -> None:
            reached.append("a_static")

        @classmethod
        def a_class(cls, message: Message) -> None:
            reached.append("a_class")

        @property
        def a_property(self) -> None:
            reached.append("a_property")

        def group_add(self, group: Any) -> None:
            reached.append("group_add")

        def send_json(self, content: Any) -> None:
            reached.append("send_json")

    recorder = Recorder(False)
    recorder.make(Target)({"type": type, "group": "x"})

    assert reached == []
    assert recorder.sent == []
    assert recorder.layer_calls == []


def test_every_name_of_the_base_class_is_out_of_reach() -> None:
    names = {name for name in dir(Consumer) if not name.startswith("_")}
    assert {"send_group", "group_add", "group_discard", "respond_json", "url_arguments"} <= names

    methods: dict[str, Any] = {name: lambda self, message: None for name in names}
    cls: Any = type("Overriding", (SyncConsumer,), {**methods, "types": ("http",)})

    assert cls._handlers == {}


@pytest.mark.parametrize("base", [Consumer, SyncConsumer])
def test_the_handlers_of_mix_ins_count_and_the_first_definition_wins(base: Any) -> None:
    def method(answer: str) -> Any:
        def plain(self: Any, message: Message) -> str:
            return answer

        async def coroutine(self: Any, message: Message) -> str:
            return answer

        return coroutine if base.is_async else plain

    mixin = type("Mixin", (), {"group_one": method("mixin"), "group_two": method("mixin")})
    parent = type("Parent", (base,), {"group_two": method("parent"), "group_three": method("parent")})
    child: Any = type("Child", (mixin, parent), {"group_three": method("child"), "group_four": None})

    handlers = child._handlers
    assert sorted(handlers) == ["group.one", "group.three", "group.two"]
    assert handlers["group.one"] is mixin.__dict__["group_one"]
    assert handlers["group.two"] is mixin.__dict__["group_two"]
    assert handlers["group.three"] is child.__dict__["group_three"]


def test_a_subclass_may_switch_a_handler_off() -> None:
    class Parent(SyncConsumer):
        def group_message(self, message: Message) -> None: ...

    class Child(Parent):
        group_message = None  # type: ignore[assignment]

    assert "group.message" in Parent._handlers
    assert "group.message" not in Child._handlers


def test_a_type_with_an_underscore_is_declared() -> None:
    class Game(SyncConsumer):
        @handles("game.player_joined")
        def game_player_joined(self, message: Message) -> None: ...

        def game_over(self, message: Message) -> None: ...

    assert sorted(Game._handlers) == ["game.over", "game.player_joined"]


def test_two_types_with_one_method_name_are_an_error_when_the_class_is_made() -> None:
    class Declared:
        @handles("a.b_c")
        def a_b_c(self, message: Message) -> None: ...

    class OtherDeclared:
        @handles("a_b.c")
        def a_b_c(self, message: Message) -> None: ...

    class Undeclared:
        def a_b_c(self, message: Message) -> None: ...

    for one, other in ((Declared, OtherDeclared), (Declared, Undeclared), (Undeclared, OtherDeclared)):
        for mixins in ((one, other), (other, one)):
            with pytest.raises(TypeError, match=r"Clash\.a_b_c would handle both 'a[._]b[._]c'"):
                type("Clash", (*mixins, SyncConsumer), {})
    type("Same", (Declared, SyncConsumer), {"a_b_c": Declared.a_b_c})


def test_handles_belongs_on_the_method_of_that_name() -> None:
    with pytest.raises(TypeError, match="name the method 'game_player_joined'"):

        class Game(SyncConsumer):
            @handles("game.player_joined")
            def joined(self, message: Message) -> None: ...


@pytest.mark.parametrize("type", ["game", "Game.over", "game..over", "game.over\n", "", "game.2"])
def test_handles_refuses_what_is_no_message_type(type: str) -> None:
    with pytest.raises(ValueError, match="MSG-001"):
        handles(type)


def test_a_handler_of_the_other_flavour_is_an_error_when_the_class_is_made() -> None:
    async def coroutine(self: Any, message: Message) -> None: ...

    def plain(self: Any, message: Message) -> None: ...

    with pytest.raises(TypeError, match=r"group_message .*in this asynchronous consumer.*'async def'"):
        type("Wrong", (Consumer,), {"group_message": plain})
    with pytest.raises(TypeError, match=r"group_message .*in this synchronous consumer.*'def'"):
        type("Wrong", (SyncConsumer,), {"group_message": coroutine})


def test_a_plain_decorator_around_a_coroutine_function_is_a_handler() -> None:
    def decorated(function: Any) -> Any:
        @functools.wraps(function)
        def wrapper(*args: Any) -> Any:
            return function(*args)

        return wrapper

    class Decorated(Consumer):
        @decorated
        async def group_message(self, message: Message) -> None: ...

    assert "group.message" in Decorated._handlers


def test_a_public_method_that_takes_no_message_is_an_error_when_the_class_is_made() -> None:
    with pytest.raises(TypeError, match=r"load_room takes no message.*underscore"):

        class Chat(SyncConsumer):
            def load_room(self) -> None: ...


def test_handlers_get_the_arguments_of_the_url_that_they_name() -> None:
    seen: dict[str, Any] = {}

    class Chat(SyncConsumer):
        def websocket_connect(self, message: Message, room: str, *, number: int = 7) -> None:
            seen["connect"] = (room, number)

        def websocket_receive(self, message: Message, **everything: Any) -> None:
            seen["receive"] = everything

        def websocket_disconnect(self, message: Message, colour: str = "none") -> None:
            seen["disconnect"] = colour

    chat = Recorder(False).make(Chat, room="lobby", number=3)
    for event in ("connect", "receive", "disconnect"):
        chat({"type": f"websocket.{event}"})

    assert seen == {
        "connect": ("lobby", 3),
        "receive": {"room": "lobby", "number": 3},
        "disconnect": "none",
    }
    assert chat.kwargs == {"room": "lobby", "number": 3}
    assert Chat.url_arguments() == {"room"}


def test_the_types_are_those_of_the_handlers_unless_the_class_says_otherwise() -> None:
    def handler(self: Any, message: Message) -> None: ...

    def types(**members: Any) -> Any:
        return type("Some", (SyncConsumer,), members).types  # type: ignore[attr-defined]

    assert types(websocket_connect=handler) == ("websocket",)
    assert types(http_request=handler, lifespan_startup=handler) == ("http", "lifespan")
    assert types(group_message=handler) == ("http", "websocket"), "the interface's default"
    assert types(websocket_connect=handler, types=("mqtt",)) == ("mqtt",)
    parent = type("Parent", (SyncConsumer,), {"http_request": handler})
    child: Any = type("Child", (parent,), {"websocket_connect": handler})
    assert child.types == ("http", "websocket")


def test_types_that_were_only_ignored_are_not_taken() -> None:
    class Socket(SyncConsumer):
        def websocket_connect(self, message: Message) -> None: ...

    Recorder(False).make(Socket)({"type": "http.request"})

    assert Socket.types == ("websocket",)


@pytest.mark.anyio
async def test_helpers_send_the_messages_of_the_interface(is_async: bool) -> None:
    recorder = Recorder(is_async)
    consumer = recorder.make(AsyncChat if is_async else SyncChat)

    await done(consumer.accept("chat", [(b"x", b"y")]))
    await done(consumer.reject(404, b"no", [(b"x", b"y")]))
    await done(consumer.close(4000, "bye"))
    await done(consumer.send_json({"a": [1, None, "ü"]}))
    await done(consumer.respond(201, b"body", [(b"x", b"y")]))
    await done(consumer.respond(200, "ü"))
    await done(consumer.respond(200, "<p>", [(b"content-type", b"text/html")]))
    await done(consumer.respond_json({"a": 1}, 202))

    plain, as_json = (b"content-type", b"text/plain; charset=utf-8"), (b"content-type", b"application/json")
    assert recorder.sent == [
        {"type": "websocket.accept", "subprotocol": "chat", "headers": [(b"x", b"y")]},
        {"type": "websocket.reject", "status": 404, "headers": [(b"x", b"y")], "body": b"no"},
        {"type": "websocket.close", "code": 4000, "reason": "bye"},
        {"type": "websocket.send", "text": '{"a":[1,null,"ü"]}'},
        {"type": "http.response", "status": 201, "headers": [(b"x", b"y")], "body": b"body"},
        {"type": "http.response", "status": 200, "headers": [plain], "body": "ü".encode()},
        {
            "type": "http.response",
            "status": 200,
            "headers": [(b"content-type", b"text/html")],
            "body": b"<p>",
        },
        {"type": "http.response", "status": 202, "headers": [as_json], "body": b'{"a":1}'},
    ]


@pytest.mark.anyio
async def test_groups_are_joined_with_the_consumers_own_channel(is_async: bool) -> None:
    recorder = Recorder(is_async)
    consumer = recorder.make(AsyncChat if is_async else SyncChat)

    await done(consumer.group_add("room"))
    await done(consumer.send_group("room", {"type": "group.message"}))
    await done(consumer.group_discard("room"))

    assert recorder.layer_calls == [
        ("group_add", "room", "server.x!1"),
        ("send_group", "room", {"type": "group.message"}),
        ("group_discard", "room", "server.x!1"),
    ]


def test_json_is_read_from_texts_bytes_and_whole_bodies() -> None:
    consumer = Recorder(False).make(SyncChat)

    assert consumer.receive_json({"type": "websocket.receive", "text": '{"a": "ü"}'}) == {"a": "ü"}
    assert consumer.receive_json({"type": "websocket.receive", "bytes": b"[1]"}) == [1]
    assert consumer.receive_json({"type": "websocket.receive", "text": None, "bytes": b"[1]"}) == [1]
    assert consumer.receive_json({"type": "http.request", "body": b"null"}) is None


@pytest.mark.parametrize(
    "message",
    [
        {"type": "websocket.receive", "text": ""},
        {"type": "websocket.receive", "text": "{"},
        {"type": "websocket.receive", "text": "NaN"},
        {"type": "websocket.receive", "bytes": b"\xff"},
        {"type": "http.request", "body": b""},
        {"type": "http.request", "body": b"1", "more_body": True},
    ],
)
def test_what_is_no_json_raises_a_value_error_that_names_the_message(message: Message) -> None:
    consumer = Recorder(False).make(SyncChat)
    with pytest.raises(ValueError, match=rf"receive_json.*{message['type']}"):
        consumer.receive_json(message)

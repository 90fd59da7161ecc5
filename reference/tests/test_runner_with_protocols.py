"""Runner, dispatcher and protocols together, by hand: the specification's tables judge what went both ways."""

import logging
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.conformance.client.websocket import handshake
from seaway.reference import Settings
from seaway.reference.dispatcher import Dispatcher
from seaway.reference.runner import Phase, Runner
from seaway.spec.exchange import Exchange

from .fakes import Message, Site, Suspend, advance, any_speed
from .replies import replies
from .steps import ANSWERS, BYTES, CLOCK, FRAMES, SENDS, SERVER, SOCKET, Step, act
from .workers import FakeLayer, FakeRuntime


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    """Consumers raise here all the time."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


class Actor:
    """A consumer that does in each call what it is told, until it is told to return or to raise."""

    def __init__(self, stage: "Stage", type: str, channel: str, send: Any) -> None:
        self.stage = stage
        self.send = send
        self.exchange = Exchange(type)
        self.violations: list[Any] = []
        self.messages: list[Message] = []
        self.sent: list[Message] = []
        self.calls = 0
        self.runner: Runner = stage.dispatcher.runners[channel]
        stage.actors.append(self)

    async def __call__(self, message: Message) -> None:
        assert not self.calls, "called while a call of it is running (CON-030)"
        self.calls += 1
        self.messages.append(message)
        self.violations += self.exchange.message("to-consumer", message)
        try:
            while True:
                await Suspend()
                command, self.stage.command = self.stage.command, None
                if command == "return":
                    self.violations += self.exchange.returned()
                    return
                if command == "raise":
                    raise ValueError("told to")
                if command is not None:
                    await self.try_to(command)
        except BaseException:
            self.violations += self.exchange.raised()
            raise
        finally:
            self.calls -= 1

    async def try_to(self, message: Any) -> None:
        try:
            await self.send(message)
        except (ValueError, ConnectionError):
            return
        self.sent.append(message)
        self.violations += self.exchange.message("from-consumer", message)


class Stage(Site):
    """A connection whose consumers are real ones, in pumps that the test drives."""

    def __init__(self) -> None:
        self.actors: list[Actor] = []
        self.command: Any = None
        self.runtime = FakeRuntime()
        bounds = attrs.evolve(Settings().mailbox, layer_messages=2, socket_messages=2)
        self.dispatcher = Dispatcher(self._application, FakeLayer(), Settings(mailbox=bounds, grace=10), self.runtime)  # type: ignore[arg-type]
        advance(self.dispatcher.open())
        super().__init__()
        self.host.begin = self.dispatcher.begin  # type: ignore[method-assign,assignment]

    def _application(self, type: str, layer: Any, channel: str, send: Any) -> Actor:
        return Actor(self, type, channel, send)

    def tell(self, actor: Actor, command: Any) -> None:
        """Let a call that is running go on with `command`."""
        if actor.runner in self.runtime.pumps:
            self.command = command
            self.runtime.go_on(actor.runner)
            self.command = None
            self.run()

    def tick(self, seconds: float) -> None:
        super().tick(seconds)
        for runner in list(self.dispatcher.runners.values()):
            runner.tick(self.now)
        self.run()

    def play(self, step: Step) -> None:
        name, value = step
        if name == "layer" and self.actors:
            for actor in self.actors:
                self.dispatcher.file(actor.runner.channel, dict(value))
        elif name == "wake":
            self.runtime.fire()
        elif name == "end" and self.actors:
            self.actors[-1].runner.exchange.end(1012, 503)
        elif name == "tell" and self.actors:
            back, command = value
            self.tell(self.actors[max(0, len(self.actors) - 1 - back)], command)
        elif name in ("feed", "tick", "eof", "lose", "fill", "empty", "retire", "drain"):
            act(self, step)
        self.run()

    def finish(self) -> None:
        """The client goes, and every call that still runs returns."""
        self.lose()
        for actor in self.actors:
            for _ in range(50):
                self.tell(actor, "return")


TOLD = [("tell", (back, command)) for back in (0, 0, 1) for command in ("return", "return", "raise")]
OTHERS: list[Step] = [
    ("layer", {"type": "note.a"}), ("layer", {"type": "layer.gap", "reason": "lost", "dropped": None}), ("wake", None),
    *SOCKET, *CLOCK, *SERVER,
]  # fmt: skip
HTTP = st.one_of(
    st.sampled_from([("feed", data) for data in BYTES]),
    st.sampled_from([("tell", (back, answer)) for back in (0, 0, 1) for answer in ANSWERS]),
    st.sampled_from(TOLD),
    st.sampled_from(OTHERS),
)
WEBSOCKET = st.one_of(
    st.sampled_from([("feed", data) for data in FRAMES]),
    st.sampled_from([("tell", (0, message)) for message in SENDS]),
    st.sampled_from(TOLD),
    st.sampled_from(OTHERS),
)


def judge(stage: Stage) -> None:
    stage.finish()
    for actor in stage.actors:
        actor.violations += actor.exchange.end()
        assert actor.violations == []
        assert actor.runner.phase is Phase.ENDED
        assert sum(message["type"].endswith(".disconnect") for message in actor.messages) == 1
    assert stage.dispatcher.runners == {}
    assert stage.runtime.pumps == {}
    assert stage.host.connections == set()


@settings(any_speed, max_examples=300)
@given(st.lists(HTTP, max_size=30))
def test_http_in_any_order(steps: list[Step]) -> None:
    stage = Stage()
    for step in steps:
        stage.play(step)
        if stage.connection.lost:
            break
        assert len(stage.connection._buffer) <= 65_536 + 40_000
    judge(stage)
    methods = [actor.messages[0]["method"] for actor in stage.actors]
    found = [reply for reply in replies(stage.written, *methods) if reply.status >= 200]

    assert len(found) <= len(stage.actors) + 1
    for actor, reply in zip(stage.actors, found, strict=False):
        if actor.messages[-1]["complete"]:
            assert reply.whole
            assert reply.status == next(message["status"] for message in actor.sent if message.get("status", 0) >= 200)


@settings(any_speed, max_examples=300)
@given(st.lists(WEBSOCKET, max_size=30))
def test_a_websocket_in_any_order(steps: list[Step]) -> None:
    stage = Stage()
    stage.feed(handshake("/"))
    for step in steps:
        stage.play(step)
        if stage.websocket.lost:
            break
    judge(stage)

    assert len(stage.actors) == 1
    assert len(replies(stage.written)) <= 1


def test_an_upload_through_every_part() -> None:
    """The steps can say it: parts one by one, a message of the layer between, an answer, the end."""
    stage = Stage()
    for step in (
        ("feed", BYTES[8]),
        ("tell", (0, "return")),
        ("feed", BYTES[9]),
        ("layer", {"type": "note.a"}),
        ("tell", (0, "return")),
        ("tell", (0, "return")),
        ("feed", BYTES[11]),
        ("tell", (0, ANSWERS[0])),
    ):
        stage.play(step)
    judge(stage)
    (actor,) = stage.actors

    assert [message["type"].rpartition(".")[2] for message in actor.messages] == [
        "request", "body", "a", "body", "trailers", "disconnect",
    ]  # fmt: skip
    assert [reply.body for reply in replies(stage.written)] == [b"ok"]

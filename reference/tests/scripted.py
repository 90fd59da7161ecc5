"""Applications for tests: one script, either flavour, every call noted.

A handler is a function of (consumer, message). If it is a generator function, it yields the calls that it
wants made, as tuples: `result = yield consumer.send, {"type": "websocket.accept"}`. An asynchronous consumer
awaits them, a synchronous one just calls them. So one script tests both.
"""

import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import attrs

from seaway.conformance.client.http import DEADLINE
from seaway.layers import MemoryLayer
from seaway.reference import Server, Settings

Message = dict[str, Any]
Handler = Callable[["Consumer", Message], Any]
TYPES = ("http", "websocket")
TERMINAL = {"http.disconnect", "websocket.disconnect", "lifespan.shutdown"}


async def until(condition: Callable[..., Any], what: str = "the condition") -> None:
    """Wait until `condition()` is true."""
    with anyio.move_on_after(DEADLINE):
        while not condition():
            await anyio.sleep(0.002)
        return
    raise AssertionError(f"waited {DEADLINE} s in vain for {what}")


class Gate:
    """Consumers of either flavour wait here until the test opens it: `yield consumer.wait, gate`."""

    def __init__(self) -> None:
        self._opened = threading.Event()
        self.waiting = 0

    def open(self) -> None:
        self._opened.set()

    async def wait(self) -> None:
        self.waiting += 1
        with anyio.fail_after(DEADLINE):
            while not self._opened.is_set():
                await anyio.sleep(0.002)

    def wait_in_thread(self) -> None:
        self.waiting += 1
        if not self._opened.wait(DEADLINE):
            raise TimeoutError("the test did not open the gate")


class Consumer:
    """One consumer: what it was called with, and whether a rule of the interface was broken."""

    def __init__(self, application: "Application", type: str, layer: Any, channel: str, send: Any) -> None:
        self.application, self.type, self.layer, self.channel, self.send = (
            application,
            type,
            layer,
            channel,
            send,
        )
        self.messages: list[Message] = []
        self.state: dict[str, Any] = {}
        self.broken_rules: list[str] = []
        self._calls = 0

    @property
    def types(self) -> list[str]:
        return [message["type"] for message in self.messages]

    @property
    def over(self) -> bool:
        """Whether the terminal message was delivered."""
        return bool(self.messages) and self.messages[-1]["type"] in TERMINAL

    @property
    def has_returned(self) -> bool:
        """Whether it was delivered and the call with it has ended."""
        return self.over and self._calls == 0

    def wait(self, gate: Gate) -> Any:
        """Wait for the gate, in the consumer's flavour."""
        raise NotImplementedError

    def pause(self, seconds: float) -> Any:
        """Sleep, in the consumer's flavour."""
        raise NotImplementedError

    def _begin(self, message: Message) -> Any:
        self._calls += 1
        if self._calls != 1:
            self.broken_rules.append(f"{message} was delivered while an earlier call was running")
        if self.over:
            self.broken_rules.append(f"{message} was delivered after {self.messages[-1]}")
        self.messages.append(message)
        return self.application.handler(self, message)

    def _finish(self) -> None:
        self._calls -= 1


class AsyncConsumer(Consumer):
    async def __call__(self, message: Message) -> None:
        try:
            script = self._begin(message)
            if script is None:
                return
            step = next(script, None)
            while step is not None:
                function, *arguments = step
                try:
                    result = await function(*arguments)
                except BaseException as error:
                    step = _throw(script, error)
                else:
                    step = _resume(script, result)
        finally:
            self._finish()

    async def wait(self, gate: Gate) -> None:
        await gate.wait()

    async def pause(self, seconds: float) -> None:
        await anyio.sleep(seconds)


class SyncConsumer(Consumer):
    def __call__(self, message: Message) -> None:
        try:
            script = self._begin(message)
            if script is None:
                return
            step = next(script, None)
            while step is not None:
                function, *arguments = step
                try:
                    result = function(*arguments)
                except BaseException as error:
                    step = _throw(script, error)
                else:
                    step = _resume(script, result)
        finally:
            self._finish()

    def wait(self, gate: Gate) -> None:
        gate.wait_in_thread()

    def pause(self, seconds: float) -> None:
        time.sleep(seconds)


def _resume(script: Any, result: Any) -> Any:
    try:
        return script.send(result)
    except StopIteration:
        return None


def _throw(script: Any, error: BaseException) -> Any:
    try:
        return script.throw(error)
    except StopIteration:
        return None


class Application:
    """Makes a consumer with `handler` for each connection, and keeps them all."""

    def __init__(
        self,
        handler: Handler,
        *,
        is_async: bool = True,
        types: tuple[str, ...] = TYPES,
        maker: Callable[..., Any] | None = None,
    ) -> None:
        self.handler = handler
        self.maker = maker
        self.is_async = is_async
        self.types = types
        self.consumers: list[Consumer] = []

    def __call__(self, type: str, layer: Any, channel: str, send: Any) -> Any:
        if self.maker is not None:
            return self.maker(type, layer, channel, send)
        consumer = (AsyncConsumer if self.is_async else SyncConsumer)(self, type, layer, channel, send)
        self.consumers.append(consumer)
        return consumer

    @property
    def only(self) -> Consumer:
        """The one consumer that there was."""
        (consumer,) = self.consumers
        return consumer

    def verify(self) -> None:
        """What holds for every consumer: one terminal message, last, and never two calls at a time."""
        for consumer in self.consumers:
            assert consumer.broken_rules == []
            assert [type for type in consumer.types if type in TERMINAL] == consumer.types[-1:]


@attrs.frozen
class Site:
    """A running server and its scripted application."""

    server: Server
    application: Application
    layer: Any

    @property
    def address(self) -> Any:
        return self.server.address

    @property
    def consumers(self) -> list[Consumer]:
        return self.application.consumers

    @property
    def only(self) -> Consumer:
        return self.application.only


def as_it_is(application: Application, layer: Any, settings: Settings) -> Any:
    return application


wrap = as_it_is  # what `serving` puts between the server and the application; see `asgi/test_round_trip.py`


@asynccontextmanager
async def serving(
    handler: Handler,
    *,
    is_async: bool = True,
    types: tuple[str, ...] = TYPES,
    uds: str | None = None,
    maker: Callable[..., Any] | None = None,
    **settings: Any,
) -> AsyncIterator[Site]:
    """A server with a scripted application; at the end `Application.verify` has passed.

    `maker` is called in the place of that application, with the same arguments.
    """
    application = Application(handler, is_async=is_async, types=types, maker=maker)
    # No time-out but those that a test sets may end anything before a test gives up waiting for it.
    patient = {"access_log": False, "grace": 2.0, "header_timeout": 6 * DEADLINE, "handshake_timeout": 6 * DEADLINE}
    chosen = Settings(**{**patient, **settings})
    with anyio.fail_after(6 * DEADLINE):
        async with (
            MemoryLayer() as layer,
            Server(wrap(application, layer, chosen), layer=layer, port=0, uds=uds, settings=chosen) as server,
        ):
            yield Site(server, application, layer)
    application.verify()


def answer(consumer: Consumer, message: Message) -> Iterator[Any]:
    """Answers a request with its path and body, once that is complete, and echoes WebSocket messages."""
    kind = message["type"]
    if kind in ("http.request", "http.request.body"):
        if kind == "http.request":
            consumer.state.update(path=message["path"], body=b"")
        consumer.state["body"] += message.get("body", b"")
        if not message.get("more_body", False):
            body = consumer.state["path"].encode() + b" " + consumer.state["body"]
            yield consumer.send, {"type": "http.response", "status": 200, "body": body}
    elif kind == "websocket.connect":
        yield consumer.send, {"type": "websocket.accept"}
    elif kind == "websocket.receive":
        key = "text" if message.get("text") is not None else "bytes"
        yield consumer.send, {"type": "websocket.send", key: message[key]}


def traces(records: list[logging.LogRecord], error: type[BaseException] = BaseException) -> list[logging.LogRecord]:
    """Our log records with a traceback of `error`. An event loop may log what another test has left behind."""
    ours = [record for record in records if record.name.startswith("seaway")]
    return [record for record in ours if record.exc_info and isinstance(record.exc_info[1], error)]

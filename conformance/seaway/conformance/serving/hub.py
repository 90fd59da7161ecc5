"""Where the puppets in the server under test report: one connection for each consumer, JSON lines.

Rules of this module: no pytest, no tests. A consumer belongs to the test whose token is in the head of its request;
without one, to whoever owns the server process.
"""

from __future__ import annotations

import itertools
import json
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from anyio.abc import ByteReceiveStream, SocketAttribute, SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

from seaway.conformance.applications.form import decoded
from seaway.conformance.serving.broker import Broker
from seaway.conformance.serving.consumer import Consumer, Line, Outside

_TOKEN = re.compile(rb"t-[0-9a-f]{12}")
_LONGEST = 2**26  # bytes of one report: bodies are in it


def new_token() -> str:
    """Return a token as it stands in a request's head."""
    return f"t-{secrets.token_hex(6)}"


class Inbox:
    """The consumers of one test, or of one server process, in the order in which they were first called."""

    def __init__(self) -> None:
        self.consumers: list[Consumer] = []
        self._taken = 0
        self._news = anyio.Event()

    def add(self, consumer: Consumer) -> None:
        """File *consumer*."""
        self.consumers.append(consumer)
        self._news.set()
        self._news = anyio.Event()

    async def next(self) -> Consumer:
        """Return the next consumer, once it is there."""
        while len(self.consumers) <= self._taken:
            await self._news.wait()
        self._taken += 1
        return self.consumers[self._taken - 1]


class Applications:
    """What one server process has reported that is no one test's.

    Attributes:
        calls: the application calls, each as it was reported.
        inbox: of the test that the server belongs to; ``None``: it is shared, and who has no test's token is let go.
        broker: of the suite's layer, if it uses that.
    """

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.inbox: Inbox | None = None
        self.broker: Broker | None = None


class Hub:
    """A listening socket, and who is connected to it. Make one with `Hub.open`."""

    def __init__(self, deadline: float) -> None:
        self.port = 0
        self._deadline = deadline
        self._tests: dict[bytes, Inbox] = {}
        self._servers: dict[str, Applications] = {}
        self._consumers: dict[str, Consumer] = {}
        self._numbers = itertools.count(1)

    @classmethod
    @asynccontextmanager
    async def open(cls, deadline: float) -> AsyncIterator[Hub]:
        """Listen on the loopback while the block runs; *deadline*: seconds that each wait for a puppet may take."""
        hub = cls(deadline)
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
        async with listener, anyio.create_task_group() as tasks:
            hub.port = listener.extra(SocketAttribute.local_port)
            tasks.start_soon(listener.serve, hub._serve)
            yield hub
            tasks.cancel_scope.cancel()

    def test(self, token: str) -> Inbox:
        """Return the inbox of the test with that token."""
        return self._tests.setdefault(token.encode(), Inbox())

    def server(self, token: str) -> Applications:
        """Return what the server process with that token reports."""
        return self._servers.setdefault(token, Applications())

    async def forget(self, token: str) -> None:
        """Let go of the consumers of the test with that token."""
        inbox = self._tests.pop(token.encode(), None)
        for consumer in inbox.consumers if inbox is not None else ():
            await consumer.let_go()

    async def _serve(self, stream: SocketStream) -> None:
        async with stream:
            lines = _lines(stream)
            hello = await anext(lines, None)
            line = Line(stream, self._numbers, self._deadline)
            if hello is None:
                return
            if hello["event"] == "outside":
                await self._serve_outside(hello, line, lines)
            elif hello["event"] == "layer":
                await self._serve_layer(hello, line, lines)
            else:
                await self._serve_consumer(hello, line, lines)

    async def _serve_outside(self, hello: dict[str, Any], line: Line, lines: AsyncIterator[dict[str, Any]]) -> None:
        consumer = self._consumers.get(hello["id"])
        if consumer is None:
            return
        consumer.went_outside(hello["answer"], Outside(line, consumer))
        async for event in lines:
            line.answered(event)
        line.lost()

    async def _serve_layer(self, hello: dict[str, Any], line: Line, lines: AsyncIterator[dict[str, Any]]) -> None:
        broker = self.server(hello["server"]).broker
        async for event in lines:
            if broker is not None:
                await broker.called(line, event)
        line.lost()

    async def _serve_consumer(self, hello: dict[str, Any], line: Line, lines: AsyncIterator[dict[str, Any]]) -> None:
        server = self.server(hello["server"])
        server.calls.append(hello)
        consumer = self._consumers[hello["id"]] = Consumer(line, hello)
        async for event in lines:
            if event["event"] == "call" and event["number"] == 1:
                await self._route(consumer, decoded(event["message"]), server)
            consumer.reported(event)
        consumer.lost()
        del self._consumers[hello["id"]]

    async def _route(self, consumer: Consumer, message: Any, server: Applications) -> None:
        inbox = next((self._tests[token] for token in _tokens(message) if token in self._tests), server.inbox)
        if inbox is None:
            await consumer.let_go()
        else:
            inbox.add(consumer)


async def _lines(stream: ByteReceiveStream) -> AsyncIterator[dict[str, Any]]:
    buffered = BufferedByteReceiveStream(stream)
    while True:
        try:
            yield json.loads(await buffered.receive_until(b"\n", _LONGEST))
        except (anyio.IncompleteRead, anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            return


def _tokens(message: Any) -> list[bytes]:
    """Return the tokens in the head of a request, those of its target first."""
    found: list[bytes] = []
    if isinstance(message, dict):
        for part in (message.get("raw_path"), message.get("query_string")):
            found += _TOKEN.findall(part) if isinstance(part, bytes) else []
        for pair in message.get("headers") or ():
            found += [token for part in pair if isinstance(part, bytes) for token in _TOKEN.findall(part)]
    return found

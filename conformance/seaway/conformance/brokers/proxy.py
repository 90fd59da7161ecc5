"""A TCP proxy that stands between a layer and its broker, and fails on demand.

Rules of this module: one event loop in a thread of its own serves all proxies of a process; the methods of a proxy may
be called from any thread, and return when the fault is there. It counts what its faults hit: a fault on an idle link
proves nothing.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import cache
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from attrs import define, field

from seaway.conformance.brokers.server import HOST, Server

T = TypeVar("T")
Mode = Literal["pass", "delay", "blackhole", "drip"]
CHUNK = 64 * 1024
BLOCKING = (b"BLOCK", b"BLPOP", b"BLMPOP", b"BZPOP")
"""What the commands contain that wait at the broker: one that waits is no call in flight."""


@define(eq=False)
class _Link:
    """One connection of the layer and its continuation to the broker.

    Attributes:
        in_flight: whether a request has been passed on, or swallowed, that has no reply yet.
        is_damaged: whether bytes were swallowed; it is of no use any more.
        drops_reply: whether the next reply is to be lost, and the connection with it.
        held: the end of what the broker has said so far, if it may be the beginning of something to replace.
    """

    client: asyncio.StreamWriter
    broker: asyncio.StreamWriter
    in_flight: bool = False
    is_damaged: bool = False
    drops_reply: bool = False
    held: bytes = b""
    tasks: list[asyncio.Task[None]] = field(factory=list)

    def reset(self) -> None:
        """End both connections; the layer's by a RST."""
        for writer in (self.client, self.broker):
            raw: socket.socket | None = writer.get_extra_info("socket")  # none where TLS has ended already
            with suppress(OSError):
                if raw is not None:
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


class Trigger:
    """Whether the next reply is to be lost; several proxies may share one.

    Attributes:
        armed: it is.
    """

    def __init__(self) -> None:
        self.armed = False


class FaultProxy:
    """A port that leads to a broker. Start it by ``with``.

    Args:
        target: the broker, or its port.
        tls: speak TLS to the layer, with this context.
        trigger: shared with other proxies: only one of them loses a reply.

    Attributes:

    Attributes:
        replace: what to write for what the broker says, piece by piece of equal length. A Cluster's nodes tell where
            the others are, and a layer shall find their proxies there.
        port: where it listens.
        faults: how many connections were touched.
        hits: how many of these had a call in flight; a read that blocks at the broker is none.
        bytes_up: what layers have sent.
    """

    def __init__(self, target: Server | int, tls: ssl.SSLContext | None = None, trigger: Trigger | None = None) -> None:
        self.port = 0
        self.faults = 0
        self.hits = 0
        self.bytes_up = 0
        self._target = target
        self._tls = tls
        self._mode: Mode = "pass"
        self._seconds = 0.0
        self._trigger = trigger or Trigger()
        self.replace: dict[bytes, bytes] = {}
        self._links: set[_Link] = set()
        self._serving: set[asyncio.Task[None] | None] = set()
        self._listener: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Where it is, as layers take it."""
        return f"redis{'s' if self._tls else ''}://{HOST}:{self.port}"

    @property
    def connections(self) -> int:
        """How many there are."""
        return len(self._links)

    def cut(self) -> None:
        """Reset every connection; new ones work."""
        _in_loop(self._cut)

    def delay(self, seconds: float) -> None:
        """Pass everything on, *seconds* later, each way."""
        self._be("delay", seconds)

    def drip(self, seconds: float) -> None:
        """Pass replies on byte by byte, with *seconds* between them."""
        self._be("drip", seconds)

    def blackhole(self) -> None:
        """Swallow everything, as if the cable were cut: nothing is refused, nothing answered."""
        _in_loop(self._blackhole)

    def half_close(self) -> None:
        """Tell the layer that the broker sends no more, on every connection."""
        _in_loop(self._half_close)

    def drop_reply(self) -> None:
        """Lose the reply to the next request, and cut its connection: the broker has done what was asked."""
        self._trigger.armed = True

    def restore(self) -> None:
        """Be a plain proxy again. Connections that have lost bytes are reset."""
        _in_loop(self._restore)

    def aim(self, target: Server | int) -> None:
        """Lead to *target* from now on, and reset the connections that there are."""
        self._target = target
        _in_loop(self._cut)

    def _be(self, mode: Mode, seconds: float = 0.0) -> None:
        self._mode, self._seconds = mode, seconds

    def _count(self, link: _Link) -> None:
        self.faults += 1
        self.hits += link.in_flight

    def _cut(self) -> None:
        for link in list(self._links):
            self._count(link)
            link.reset()

    def _blackhole(self) -> None:
        self._be("blackhole")
        for link in self._links:
            self._count(link)

    def _half_close(self) -> None:
        for link in self._links:
            self._count(link)
            if link.client.can_write_eof():
                link.client.write_eof()

    def _restore(self) -> None:
        self._be("pass")
        self._trigger.armed = False
        for link in list(self._links):
            if link.is_damaged:
                link.reset()

    async def _stop(self, listener: asyncio.Server) -> None:
        # Not `close` at once: asyncio would leave whom it has just accepted with nobody, and the socket open.
        asyncio.get_running_loop().remove_reader(listener.sockets[0])
        await asyncio.sleep(0)
        listener.close()
        self._cut()
        for task in self._serving:
            if task is not None:
                task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._serving.add(task)  # an event loop does not hold its tasks
        try:
            if self._listener is not None:  # else it was closed meanwhile
                await self._pass_both_ways(reader, client)
        finally:
            client.transport.abort()
            self._serving.discard(task)

    async def _pass_both_ways(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        port = self._target.port if isinstance(self._target, Server) else self._target
        try:
            from_broker, broker = await asyncio.open_connection(HOST, port)
        except OSError:
            return
        link = _Link(client, broker)
        self._links.add(link)
        pumps = (self._requests(link, reader), self._replies(link, from_broker))
        link.tasks = [asyncio.ensure_future(pump) for pump in pumps]
        try:
            await asyncio.wait(link.tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in link.tasks:
                task.cancel()
            link.broker.transport.abort()
            self._links.discard(link)

    async def _requests(self, link: _Link, reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                self.bytes_up += len(data)
                link.in_flight = not any(word in data for word in BLOCKING)
                if self._trigger.armed and link.in_flight:
                    self._trigger.armed, link.drops_reply = False, True
                if self._mode == "blackhole":
                    link.is_damaged = True
                    continue
                if self._mode == "delay":
                    await asyncio.sleep(self._seconds)
                link.broker.write(data)
                await link.broker.drain()

    async def _replies(self, link: _Link, reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                if link.drops_reply:
                    self._count(link)
                    link.reset()
                    return
                if self._mode == "blackhole":
                    link.is_damaged = True
                    continue
                if self._mode == "delay":
                    await asyncio.sleep(self._seconds)
                link.in_flight = False
                await self._pass_on(link, self._replaced(link, data) if self.replace else data)
        if self._mode == "blackhole":  # what has vanished does not say so
            link.is_damaged = True
            await asyncio.Event().wait()

    def _replaced(self, link: _Link, data: bytes) -> bytes:
        data = link.held + data
        for piece, other in self.replace.items():
            data = data.replace(piece, other)
        ends = (piece[:size] for piece in self.replace for size in range(len(piece) - 1, 0, -1))
        rest = max((len(end) for end in ends if data.endswith(end)), default=0)
        link.held = data[len(data) - rest :]
        return data[: len(data) - rest]

    async def _pass_on(self, link: _Link, data: bytes) -> None:
        size = 1 if self._mode == "drip" else max(len(data), 1)
        for start in range(0, len(data), size):
            link.client.write(data[start : start + size])
            await link.client.drain()
            if size < len(data):
                await asyncio.sleep(self._seconds if self._mode == "drip" else 0)

    def __enter__(self) -> Self:
        async def listen() -> asyncio.Server:
            return await asyncio.start_server(self._serve, HOST, 0, ssl=self._tls)

        self._listener = _run(listen())
        self.port = self._listener.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Listen no more, and reset what is connected."""
        listener, self._listener = self._listener, None
        if listener is not None:
            _run(self._stop(listener))


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="fault-proxy", daemon=True).start()
    return loop


def _run(main: Coroutine[Any, Any, T]) -> T:
    return asyncio.run_coroutine_threadsafe(main, _loop()).result()


def _in_loop(function: Callable[[], object]) -> None:
    async def call() -> None:
        function()

    _run(call())

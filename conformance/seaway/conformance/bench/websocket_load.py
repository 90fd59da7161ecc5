"""WebSocket clients, made with picows: many that echo, and many that are idle."""

import asyncio
import importlib
import time
from collections.abc import Callable
from typing import Any, Final

from seaway.conformance.bench import loops
from seaway.conformance.bench.errors import BenchError
from seaway.conformance.bench.processes import per_cpu_second
from seaway.conformance.bench.report import Sample

ECHO_CONNECTIONS: Final = 50
IDLE_CONNECTIONS: Final = 2000
TEXT: Final = b"0123456789abcdef" * 4

_WARM_UP_SECONDS: Final = 0.5
# Before memory is read first: what a server needs once, such as imports and caches, is not a socket's.
_FIRST_CONNECTIONS: Final = 200
_AT_ONCE: Final = 50
_SETTLE_SECONDS: Final = 0.25
_SETTLE_ROUNDS: Final = 20


def echo(url: str, seconds: float, cpu_seconds: Callable[[], float]) -> Sample:
    """Send 64 bytes on each of 50 connections, again whenever they come back, for `seconds`.

    Raises:
        BenchError: a connection failed, ended, or brought back something else.
    """
    return loops.run(_echo(url, seconds, cpu_seconds))


def idle(url: str, resident_bytes: Callable[[], int]) -> Sample:
    """Open 2000 connections that say nothing, and return what the server's memory grew by, in KiB for each.

    Raises:
        BenchError: a connection failed or ended.
    """
    return loops.run(_idle(url, resident_bytes))


class _Load:
    """Connections to one server. What their listeners find wrong is raised by `check`."""

    def __init__(self, url: str) -> None:
        self.echoes = 0
        self._url = url
        self._picows: Any = importlib.import_module("picows")
        self._transports: list[Any] = []
        self._wrong: str | None = None
        self._closing = False
        self._listener = self._make_listener()

    def _make_listener(self) -> type:
        load, kind = self, self._picows.WSMsgType

        class Listener(self._picows.WSListener):  # type: ignore[misc, name-defined]  # a module that mypy cannot see
            def on_ws_frame(self, transport: Any, frame: Any) -> None:
                if frame.msg_type == kind.TEXT and frame.get_payload_as_bytes() == TEXT:
                    load.echoes += 1
                    transport.send(kind.TEXT, TEXT)
                elif frame.msg_type == kind.CLOSE:
                    transport.disconnect()
                else:
                    load._wrong = f"instead of an echo the server sent {frame}"
                    transport.disconnect()

            def on_ws_disconnected(self, transport: Any) -> None:
                if not load._closing:
                    load._wrong = load._wrong or "the server ended a connection"

        return Listener

    async def open(self, count: int) -> None:
        for start in range(0, count, _AT_ONCE):
            some = range(start, min(start + _AT_ONCE, count))
            self._transports += await asyncio.gather(*[self._connect() for _ in some])

    async def _connect(self) -> Any:
        try:
            transport, _ = await self._picows.ws_connect(self._listener, self._url)
        except (OSError, TimeoutError, self._picows.WSError) as error:
            raise BenchError(f"no WebSocket to {self._url}: {error!r}") from error
        return transport

    def start(self) -> None:
        for transport in self._transports:
            transport.send(self._picows.WSMsgType.TEXT, TEXT)

    def check(self) -> None:
        if self._wrong is not None:
            raise BenchError(f"{self._url}: {self._wrong}")

    async def close(self) -> None:
        self._closing = True
        for transport in self._transports:
            transport.disconnect(False)
        await asyncio.gather(*[transport.wait_disconnected() for transport in self._transports])


async def _echo(url: str, seconds: float, cpu_seconds: Callable[[], float]) -> Sample:
    load = _Load(url)
    try:
        await load.open(ECHO_CONNECTIONS)
        load.start()
        await asyncio.sleep(_WARM_UP_SECONDS)
        echoes, cpu, begin = load.echoes, cpu_seconds(), time.perf_counter()
        await asyncio.sleep(seconds)
        echoes, took, cpu = load.echoes - echoes, time.perf_counter() - begin, cpu_seconds() - cpu
        load.check()
    finally:
        await load.close()
    if echoes == 0:
        raise BenchError(f"{url}: no echo came back within {took:.1f} s.")
    return {"per_second": echoes / took, "per_cpu_second": per_cpu_second(echoes, cpu)}


async def _idle(url: str, resident_bytes: Callable[[], int]) -> Sample:
    load = _Load(url)
    try:
        await load.open(_FIRST_CONNECTIONS)
        before = await _settled(resident_bytes)
        await load.open(IDLE_CONNECTIONS)
        after = await _settled(resident_bytes)
        load.check()
    finally:
        await load.close()
    return {"kibibytes": (after - before) / 1024 / IDLE_CONNECTIONS}


async def _settled(resident_bytes: Callable[[], int]) -> int:
    """Return the memory once two readings in a row agree: the server may still be busy with the last ones."""
    last = resident_bytes()
    for _ in range(_SETTLE_ROUNDS):
        await asyncio.sleep(_SETTLE_SECONDS)
        now = resident_bytes()
        if now == last:
            return now
        last = now
    return last

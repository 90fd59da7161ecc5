"""P10: its clients against servers that behave and servers that do not, and the whole of it in small."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from seaway.conformance.bench import broadcast_load, end_to_end
from seaway.conformance.bench.applications.routes import POSTED
from seaway.conformance.bench.errors import BenchError

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the clients wait by Linux's epoll")

Address = broadcast_load.Address
Frames = Callable[[int, bytes], list[bytes]]
HAS_PEERS = all(importlib.util.find_spec(name) for name in ("channels_redis", "uvicorn", "httptools", "uvloop"))


def frame(text: bytes) -> bytes:
    return bytes((0x81, len(text))) + text


class Site:
    """A server for the clients alone: it takes every handshake, and a POST becomes what `frames` says.

    Args:
        frames: takes the number of a WebSocket and what was posted; returns what is written, piece by piece.
        status: of handshakes.
        answer: to a POST.
    """

    def __init__(self, frames: Frames, status: bytes = b"101 Switching Protocols", answer: bytes = POSTED) -> None:
        self.frames = frames
        self.status = status
        self.answer = answer
        self.writers: list[asyncio.StreamWriter] = []
        self.listeners: list[asyncio.StreamWriter] = []
        self.heard: list[bytes] = []

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if not head.startswith(b"POST"):
                    break
                await self.post(await reader.readexactly(64))
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(self.answer), self.answer))
            writer.write(b"HTTP/1.1 %b\r\n\r\n" % self.status)
            self.listeners.append(writer)
            while data := await reader.read(100):
                self.heard.append(data)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    async def post(self, text: bytes) -> None:
        for number, listener in enumerate(self.listeners):
            for piece in self.frames(number, text):
                if not piece:
                    listener.close()
                    continue
                listener.write(piece)
                await asyncio.sleep(0)


@contextmanager
def serving(site: Site) -> Iterator[Address]:
    """Run *site* on a loop in a thread of its own."""
    ready = threading.Event()
    where: list[Address] = []

    async def main() -> None:
        server = await asyncio.start_server(site.connected, "127.0.0.1", 0)
        where.append(server.sockets[0].getsockname()[:2])
        stop = asyncio.Event()
        ends.append(lambda: loop.call_soon_threadsafe(stop.set))
        ready.set()
        await stop.wait()
        loop.remove_reader(server.sockets[0])  # not `close`: who was just accepted would be left with nobody
        while others := asyncio.all_tasks() - {asyncio.current_task()}:  # they end, as their clients have gone
            await asyncio.wait(others)
        for writer in site.writers:
            writer.transport.abort()
        server.close()
        await asyncio.sleep(0)  # what was aborted is closed

    ends: list[Callable[[], object]] = []
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=lambda: loop.run_until_complete(main()))
    thread.start()
    try:
        assert ready.wait(30)
        yield where[0]
    finally:
        ends[0]()
        thread.join()
        loop.close()


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcast_load, "CLIENTS", 5)
    monkeypatch.setattr(broadcast_load, "_PAUSE_SECONDS", 0.001)


def test_every_post_is_waited_for_until_the_last_has_it() -> None:
    with serving(Site(lambda number, text: [frame(text)])) as address:
        sample = broadcast_load.broadcast([address], 0.1)

    assert 0 < sample["median"] <= sample["p90"]


def test_a_ping_is_answered_and_a_message_may_come_in_parts() -> None:
    site = Site(lambda number, text: [b"\x89\x02hi" + frame(text)[:7], frame(text)[7:]])
    with serving(site) as address:
        assert broadcast_load.broadcast([address], 0.05)["median"] > 0

    assert site.heard
    assert set(site.heard) == {b"\x8a\x82" + bytes(4) + b"hi"}


@pytest.mark.parametrize(
    ("site", "told"),
    [
        (Site(lambda number, text: [frame(text)] if number else []), "of 5 had no message"),
        (Site(lambda number, text: [frame(text), frame(text)]), "instead of"),
        (Site(lambda number, text: [frame(text.replace(b"0", b"x"))]), "instead of"),
        (Site(lambda number, text: [b""]), "the server ended a WebSocket"),
        (Site(lambda number, text: [frame(text)], status=b"403 Forbidden"), "403 Forbidden"),
        (Site(lambda number, text: [frame(text)], answer=b"no"), "POST was answered with 200 b'no'"),
    ],
    ids=["one forgotten", "twice", "another text", "ended", "refused", "another answer"],
)
def test_a_server_that_does_not_reach_all_gives_no_figure(
    site: Site, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if told.endswith("no message"):
        monkeypatch.setattr(broadcast_load, "HEAR_SECONDS", 0.3)
    with serving(site) as address, pytest.raises(BenchError, match=told):
        broadcast_load.broadcast([address], 0.05)


def test_no_server_is_an_explained_failure() -> None:
    with pytest.raises(BenchError, match="no WebSocket to"):
        broadcast_load.broadcast([("127.0.0.1", 9)], 0.05)


@pytest.mark.parametrize("name", ["seaway", *(end_to_end.PEERS if HAS_PEERS else ())])
def test_a_post_reaches_the_clients_of_both_processes(name: str) -> None:
    sample = end_to_end.measure(name, 0.1)
    assert 0 < sample["median"] <= sample["p90"]

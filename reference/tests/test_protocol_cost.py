"""What pieces cost: bytes that are copied or looked at, counted, must grow with what was sent, not with its square.

The protocols look `bytearray` up in their module: there the tests put one that counts. No clock is looked at.
"""

import re
from types import ModuleType
from typing import Any, Self

import pytest

from seaway.conformance.client.websocket import BINARY, CONTINUATION, PING, TEXT, frame, handshake
from seaway.reference.protocols import chunked, http1, websocket
from seaway.reference.protocols.chunked import ChunkedDecoder
from seaway.reference.protocols.head import BARE_LF

from .fakes import Site, answering, silent
from .replies import replies

KIB = 1024
POST = b"POST / HTTP/1.1\r\nHost: test\r\n"
WORK = 0


def _reset() -> None:
    global WORK
    WORK = 0


def work(size: int) -> None:
    global WORK
    WORK += size


class Counted(bytearray):
    """Counts what is copied into it, out of it, and what is searched."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        work(len(self))

    def __iadd__(self, data: Any) -> Self:
        work(len(data))
        return super().__iadd__(data)

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        return Counted(found) if isinstance(key, slice) else found

    def __bytes__(self) -> bytes:
        work(len(self))
        return bytes(memoryview(self))

    def find(self, sub: Any, start: Any = 0, end: Any = None) -> int:
        found = super().find(sub, start)
        work((found if found >= 0 else len(self)) - start)
        return found


class CountedPattern:
    """A pattern that counts what it looks at."""

    def __init__(self, pattern: re.Pattern[bytes]) -> None:
        self.pattern = pattern

    def search(self, data: Any, start: int = 0) -> Any:
        work(len(data) - start)
        return self.pattern.search(data, start)


@pytest.fixture(autouse=True)
def _counting(monkeypatch: pytest.MonkeyPatch) -> None:
    _reset()
    modules: tuple[ModuleType, ...] = (http1, chunked, websocket)
    for module in modules:
        monkeypatch.setattr(module, "bytearray", Counted, raising=False)
    for module in (http1, chunked):
        monkeypatch.setattr(module, "BARE_LF", CountedPattern(BARE_LF))
    feed, frames = ChunkedDecoder.feed, websocket.WebSocket._frames

    def counted_feed(self: ChunkedDecoder, data: bytes) -> tuple[bytes, bytes]:
        work(len(data))
        return feed(self, data)

    def counted_frames(self: websocket.WebSocket, data: bytes, position: int) -> None:
        frames(self, data, position)
        work(len(data) - position if self._buffer is None or self._start == 0 else self._start - position)

    monkeypatch.setattr(ChunkedDecoder, "feed", counted_feed)
    monkeypatch.setattr(websocket.WebSocket, "_frames", counted_frames)


def cost(data: bytes, step: int, site: Site | None = None) -> tuple[float, Site]:
    """Work for each byte of `data`, in pieces of `step` bytes."""
    site = site or Site(answering)
    site.feed(data, step)
    return WORK / len(data), site


def chunks(size: int, count: int) -> bytes:
    return b"%x\r\n%b\r\n" % (size, b"x" * size) * count


STREAMS = {
    "a head": POST + b"X: " + b"x" * (30 * KIB) + b"\r\nContent-Length: 0\r\n\r\n",
    "many fields": POST + b"".join(b"X-%d: %b\r\n" % (number, b"y" * 300) for number in range(97)) + b"\r\n",
    "a whole body": POST + b"Content-Length: 65536\r\n\r\n" + b"x" * 65_536,
    "a body in parts": POST + b"Content-Length: 80000\r\n\r\n" + b"x" * 80_000,
    "large chunks": POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks(10_000, 5) + b"0\r\n\r\n",
    "chunks of a byte": POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks(1, 10_000) + b"0\r\n\r\n",
    "trailers": POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"x" * (30 * KIB) + b"\r\n\r\n",
    "many trailers": POST
    + b"Transfer-Encoding: chunked\r\n\r\n0\r\n"
    + b"".join(b"X-%d: %b\r\n" % (number, b"y" * 300) for number in range(97))
    + b"\r\n",
    "a large message": handshake("/") + frame(BINARY, b"x" * 80_000),
    "small messages": handshake("/") + frame(TEXT, b"x") * 5_000,
    "fragments": handshake("/") + frame(TEXT, b"", fin=False) + frame(CONTINUATION, b"x" * 50, fin=False) * 4000,
    "pings": handshake("/") + frame(PING, b"x" * 100) * 400,
}


@pytest.mark.parametrize("step", [1, 100, 64 * KIB])
@pytest.mark.parametrize("name", STREAMS)
def test_pieces_cost_what_they_are_long(name: str, step: int) -> None:
    """H8, W4: each byte is copied or looked at a few times, however it comes."""
    found, site = cost(STREAMS[name], step)

    assert found < 12
    assert all(reply.status in (101, 200) for reply in replies(site.written))
    assert site.runner.whole or name not in ("a head", "a whole body", "chunks of a byte", "trailers")


def test_ten_times_the_chunks_cost_ten_times_as_much() -> None:
    """H8: in chunks of one byte."""
    few, _ = cost(POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks(1, 20_000) + b"0\r\n\r\n", 64 * KIB)
    _reset()
    many, site = cost(POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks(1, 200_000) + b"0\r\n\r\n", 64 * KIB)

    assert many < few * 1.5
    assert len(site.runner.body) == 200_000


@pytest.mark.parametrize("data", [b"x" * 5000, b"0" * 5000, b"1;" + b"x" * 4000], ids=["bad", "zeros", "extensions"])
def test_a_size_line_without_an_end_is_short(data: bytes) -> None:
    """H7: what is kept of it is bounded, so that looking at it again is."""
    site = Site(silent)
    site.feed(POST + b"Transfer-Encoding: chunked\r\n\r\n" + data, 1)

    assert WORK / len(data) < 12


def test_a_mailbox_that_is_always_full_costs_no_copy_of_what_waits() -> None:
    """256 KiB of small messages, for a consumer that takes them one by one."""
    data = frame(TEXT, b"x") * (256 * KIB // 7)
    site = Site(answering)
    site.feed(handshake("/"))
    site.runner.room = False
    site.feed(data)
    while not site.transport.reading:
        before = len(site.runner.messages)
        site.exchange.resume()
        if len(site.runner.messages) == before:
            break

    assert len(site.runner.messages) == 1 + len(data) // 7
    assert WORK / len(data) < 12


def test_a_large_message_is_not_looked_at_before_it_is_whole() -> None:
    calls = 0
    frames = websocket.WebSocket._frames

    def counted(self: websocket.WebSocket, data: bytes, position: int) -> None:
        nonlocal calls
        calls += 1
        frames(self, data, position)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(websocket.WebSocket, "_frames", counted)
        site = Site(answering)
        site.feed(handshake("/"))
        site.feed(frame(BINARY, b"x" * 100_000), 1)

    assert len(site.runner.messages) == 2
    assert calls < 20


def test_the_count_would_see_a_square() -> None:
    """The measure itself: to copy what waits for each byte that comes is far above the bound."""
    waiting = Counted()
    for _ in range(1000):
        waiting += b"x"
        bytes(waiting)

    assert WORK > 12 * 1000

"""P10's clients: many WebSockets that only listen, and one HTTP connection that posts.

They share the cores with what they measure, so there is no loop and no library between them and the kernel: raw
sockets, one `epoll`, and one comparison of bytes for each message that is as it should be.
"""

import http.client
import os
import select
import socket
import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

from seaway.conformance.bench.applications.routes import POSTED
from seaway.conformance.bench.errors import BenchError
from seaway.conformance.bench.report import Sample

CLIENTS: Final = 1000
STEP_SECONDS: Final = 30.0
HEAR_SECONDS: Final = 30.0

_FEWEST: Final = 10
_WARM_UP: Final = 5
# After each: servers finish what a message leaves to do, which is none of the next one's business.
_PAUSE_SECONDS: Final = 0.02
_AT_ONCE: Final = 50
_MOST_BYTES: Final = 4096
_TEXT, _PING = 0x81, 0x89
# A frame of a client is masked; with a mask of nothing its payload stands as it is.
_PONG: Final = b"\x8a"
_NO_MASK: Final = bytes(4)

Address = tuple[str, int]


def broadcast(servers: Sequence[Address], seconds: float) -> Sample:
    """Post texts to the first of `servers`, one at a time, with the clients spread over all of them.

    Returns:
        Milliseconds from before a POST until the last client has its text: `median` and `p90` over the posts that were
        made in so many seconds, ten at least.

    Raises:
        BenchError: a connection failed or ended, a text did not come, or another came.
    """
    with ExitStack() as stack:
        audience = stack.enter_context(_Audience())
        audience.open(servers)
        desk = http.client.HTTPConnection(*servers[0], timeout=STEP_SECONDS)
        stack.callback(desk.close)
        took: list[float] = []
        number = 0
        end = 0.0
        while number < _WARM_UP + _FEWEST or time.perf_counter() < end:
            if number == _WARM_UP:
                took.clear()
                end = time.perf_counter() + seconds
            took.append(1000 * _one(desk, audience, b"%064d" % number))
            number += 1
            time.sleep(_PAUSE_SECONDS)
    return {"median": statistics.median(took), "p90": statistics.quantiles(took, n=10)[8]}


def _one(desk: http.client.HTTPConnection, audience: "_Audience", text: bytes) -> float:
    begin = time.perf_counter()
    try:
        desk.request("POST", "/", text)
        audience.hear(text)
        took = time.perf_counter() - begin
        response = desk.getresponse()
        status, body = response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        raise BenchError(f"POST was not answered: {error!r}") from error
    if (status, body) != (200, POSTED):
        raise BenchError(f"POST was answered with {status} {body[:80]!r} instead of 200 {POSTED!r}.")
    return took


class _Audience:
    """WebSockets that listen."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._begun: dict[int, bytes] = {}

    def __enter__(self) -> "_Audience":
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._sockets.values():
            one.close()
        self._poll.close()

    def open(self, servers: Sequence[Address]) -> None:
        """Connect all, spread over `servers`, as many at once as a backlog bears."""
        for start in range(0, CLIENTS, _AT_ONCE):
            some = [
                self._ask(servers[number % len(servers)]) for number in range(start, min(start + _AT_ONCE, CLIENTS))
            ]
            for one in some:
                self._accept(one)

    def _ask(self, server: Address) -> socket.socket:
        try:
            one = socket.create_connection(server, STEP_SECONDS)
            self._sockets[one.fileno()] = one
            one.sendall(
                b"GET / HTTP/1.1\r\nhost: %b:%d\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
                b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
                % (server[0].encode(), server[1])
            )
        except OSError as error:
            raise BenchError(f"no WebSocket to {server}: {error!r}") from error
        return one

    def _accept(self, one: socket.socket) -> None:
        head = b""
        try:
            while b"\r\n\r\n" not in head:
                more = one.recv(_MOST_BYTES)
                if not more:
                    raise BenchError(f"a handshake was answered with {head[:80]!r} and the end of the connection.")
                head += more
        except OSError as error:
            raise BenchError(f"a handshake was not answered: {error!r}") from error
        if not head.startswith(b"HTTP/1.1 101 "):
            raise BenchError(f"a handshake was answered with {head[:80]!r}.")
        self._begun[one.fileno()] = head.partition(b"\r\n\r\n")[2]
        one.setblocking(False)
        self._poll.register(one.fileno(), select.EPOLLIN)

    def hear(self, text: bytes) -> None:
        """Return when every client has got `text`, and nothing else."""
        frame = bytes((_TEXT, len(text))) + text
        missing = len(self._sockets)
        deadline = time.monotonic() + HEAR_SECONDS
        while missing:
            ready = self._poll.poll(max(deadline - time.monotonic(), 0))
            if not ready:
                raise BenchError(f"after {HEAR_SECONDS:g} seconds {missing} of {len(self._sockets)} had no message.")
            for number, _ in ready:
                data = self._read(number)
                if (data == frame and not self._begun.get(number)) or self._is_heard(number, data, frame):
                    missing -= 1

    def _read(self, number: int) -> bytes:
        try:
            data = os.read(number, _MOST_BYTES)
        except OSError as error:
            raise BenchError(f"a WebSocket failed: {error!r}") from error
        if not data:
            raise BenchError("the server ended a WebSocket.")
        return data

    def _is_heard(self, number: int, data: bytes, frame: bytes) -> bool:
        """Take what is not just the frame: a part of it, or a ping beside it."""
        data = self._begun.pop(number, b"") + data
        heard = False
        while len(data) >= 2 and len(data) >= (size := 2 + data[1]):
            one, data = data[:size], data[size:]
            if one[0] == _PING:
                self._sockets[number].send(_PONG + bytes((0x80 | one[1],)) + _NO_MASK + one[2:])
            elif one == frame and not heard:
                heard = True
            else:
                raise BenchError(f"instead of {frame!r} the server sent {one!r}.")
        if data:
            self._begun[number] = data
        return heard

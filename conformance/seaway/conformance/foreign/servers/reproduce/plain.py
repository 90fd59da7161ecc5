"""What the scripts share: an ASGI server as a process, a client on sockets, and how a script ends.

Rules of this module: the standard library only. Nothing is made of what a server sends but its status.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

SERVERS = {
    "uvicorn": "uvicorn {app} --port {port} --http httptools --ws websockets-sansio --log-level error",
    "uvicorn h11": "uvicorn {app} --port {port} --http h11 --ws wsproto --log-level error",
    "hypercorn": "hypercorn {app} --bind 127.0.0.1:{port} --log-level error",
    "daphne": "daphne {app} --port {port} -v 0",
    "granian": "granian {app} --interface asginl --port {port} --loop asyncio --log-level error",
}
"""How each is started, by the name of its column. The applications have no lifespan, which granian wants to be told."""

QUIET = 2.0
"""Seconds without a byte after which nothing more is expected."""

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
HANDSHAKE = {
    "Host": "test",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
}


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """Answer each request with its path; accept each WebSocket, send back what comes, print the code of its end."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["path"].encode()})
    elif scope["type"] == "websocket":
        await echo(receive, send)


async def echo(receive: Any, send: Any) -> None:
    """Accept a WebSocket, send back what comes, and print the code with which it has ended."""
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": event.get("text"), "bytes": event.get("bytes")})
    print(f"told {event['code']}", flush=True)


class Answer:
    """What a server has sent.

    Attributes:
        data: all of it.
        closed: whether it has ended the connection.
    """

    def __init__(self, data: bytes, closed: bool) -> None:
        self.data = data
        self.closed = closed

    @property
    def statuses(self) -> list[int]:
        """The statuses of the responses."""
        return [int(status) for status in re.findall(rb"HTTP/1\.[01] ([1-5][0-9][0-9]) ", self.data)]

    def values(self, name: str) -> list[str]:
        """Return the values of the fields with that *name*, in order."""
        return [one.decode() for one in re.findall(rb"(?im)^%s: *(.*?)\r$" % name.encode(), self.data)]

    def __str__(self) -> str:
        what = ", ".join(map(str, self.statuses)) or (repr(self.data[:40]) if self.data else "nothing")
        return what + (" and the end" if self.closed else "")


class Connection:
    """A connected socket."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._ahead = b""

    def send(self, data: bytes) -> None:
        """Send all of *data*, unless the server has gone."""
        with suppress(ConnectionError):
            self.socket.sendall(data)

    def read(self, until: bytes | None = None, quiet: float = QUIET) -> Answer:
        """Read until *until* has come, the server has ended the connection, or nothing came for *quiet* seconds.

        What has come behind *until* is kept for the next call.
        """
        self.socket.settimeout(30 if until is not None else quiet)
        data, self._ahead = self._ahead, b""
        while until is None or until not in data:
            try:
                part = self.socket.recv(65536)
            except TimeoutError:
                return Answer(data, closed=False)
            except ConnectionError:
                part = b""
            if not part:
                return Answer(data, closed=True)
            data += part
        data, found, self._ahead = data.partition(until)
        return Answer(data + found, closed=False)


class Server:
    """A server process, listening on `port`."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, output: Any) -> None:
        self.process = process
        self.port = port
        self._output = output

    def connect(self) -> Connection:
        """Connect."""
        return Connection(self.port)

    def ask(self, data: bytes, quiet: float = QUIET) -> Answer:
        """Send *data* on a new connection; return what comes."""
        connection = self.connect()
        connection.send(data)
        return connection.read(quiet=quiet)

    def websocket(self) -> Connection:
        """Open a WebSocket."""
        connection = self.connect()
        connection.send(handshake())
        answer = connection.read(until=b"\r\n\r\n")
        if answer.statuses != [101]:
            sys.exit(f"the handshake was answered with {answer}")
        return connection

    def printed(self, pattern: str) -> str:
        """Wait until what the server has written matches *pattern*; return its first group."""
        until = time.monotonic() + 10
        while time.monotonic() < until:
            self._output.seek(0)
            if match := re.search(pattern, self._output.read().decode(errors="replace")):
                return match[1]
            time.sleep(0.02)
        return "nothing"


def request(*lines: str, body: bytes = b"", end: str = "\r\n") -> bytes:
    """Return a request of these *lines*, in Latin-1."""
    return end.join([*lines, "", ""]).encode("latin-1") + body


def handshake(line: str = "GET / HTTP/1.1", more: tuple[str, ...] = (), **changed: str | None) -> bytes:
    """Return a handshake; *changed*: fields, with underscores for hyphens, and ``None`` for none."""
    fields: dict[str, str | None] = {**HANDSHAKE, **{name.replace("_", "-"): value for name, value in changed.items()}}
    return request(line, *(f"{name}: {value}" for name, value in fields.items() if value is not None), *more)


def frame(opcode: int, payload: bytes = b"", mask: bool = True, first: int = 0x80) -> bytes:
    """Return a frame with at most 125 bytes, masked with zeros; *first*: the bits before the opcode."""
    head = bytes([first | opcode, (0x80 if mask else 0) | len(payload)])
    return head + (bytes(4) if mask else b"") + payload


@contextmanager
def served(name: str, app: str) -> Iterator[Server]:
    """Run the server *name* with *app*, a module and an attribute, while the block runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryFile() as output:
        words = SERVERS[name].format(app=app, port=port).split()
        process = subprocess.Popen(
            [sys.executable, "-m", *words],
            stdout=output,
            stderr=output,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        try:
            _wait(process, port)
            yield Server(process, port, output)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    sys.exit("the server does not listen")


def main(expected: str, check: Callable[[Server], tuple[str, bool]]) -> NoReturn:
    """Run a script with the server that its argument names.

    Args:
        expected: what is promised, and where.
        check: returns what was seen, and whether that is the defect.
    """
    if len(sys.argv) != 2 or sys.argv[1] not in SERVERS:
        sys.exit(f"expected a server: {', '.join(SERVERS)}")
    module = sys.modules["__main__"].__spec__
    if module is None:
        sys.exit("run it as python -m")
    with served(sys.argv[1], f"{module.name}:app") as server:
        seen, is_defect = check(server)
    print(f"expected: {expected}")
    print(f"seen:     {seen}")
    sys.exit(1 if is_defect else 0)

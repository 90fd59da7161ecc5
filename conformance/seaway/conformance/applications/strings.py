"""The strings of a puppet: its connection with the suite, which JSON lines go over, one object a line.

Rules of this module: it is imported by the server under test, on any event loop and in any thread. Writing blocks, for
the suite always reads. When the suite lets go, by closing the connection, there are no more commands.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from contextlib import suppress
from typing import Any

HUB = "SEAWAY_CONFORMANCE_HUB"
"""The environment variable that tells where the suite listens: ``host:port:token``."""


class Strings:
    """A connection, on which *hello* was reported first.

    Raises:
        RuntimeError: this process was not started by the suite.
    """

    def __init__(self, **hello: Any) -> None:
        if HUB not in os.environ:
            raise RuntimeError(f"{HUB} is not set: this application is for servers that the suite has started")
        host, port, token = os.environ[HUB].split(":")
        self._socket = socket.create_connection((host, int(port)), timeout=30)
        self._socket.settimeout(None)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._writing = threading.Lock()
        self._read = b""
        self.report(server=token, pid=os.getpid(), **hello)

    def report(self, **event: Any) -> None:
        """Tell the suite; from any thread."""
        line = json.dumps(event).encode() + b"\n"
        with self._writing, suppress(OSError):
            self._socket.sendall(line)

    def command(self) -> dict[str, Any] | None:
        """Wait for the next command; ``None``: the suite has let go."""
        while (command := self._taken()) is None:
            if not self._more(0):
                return None
        return command

    async def command_async(self) -> dict[str, Any] | None:
        """Do as `command` does, on the event loop that runs; may be cancelled, and loses nothing then."""
        import anyio

        while (command := self._taken()) is None:
            try:
                if not self._more(socket.MSG_DONTWAIT):
                    return None
            except BlockingIOError:
                await anyio.wait_readable(self._socket)
        return command

    def _more(self, flags: int) -> bool:
        try:
            data = self._socket.recv(65536, flags)
        except ConnectionError:
            data = b""
        self._read += data
        return bool(data)

    def _taken(self) -> dict[str, Any] | None:
        line, end, rest = self._read.partition(b"\n")
        if not end:
            return None
        self._read = rest
        command: dict[str, Any] = json.loads(line)
        return command

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

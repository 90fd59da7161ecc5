"""What the protocols see of the server: settings, room for consumers, the date, the access log."""

from __future__ import annotations

import logging
import struct
from contextlib import suppress
from email.utils import formatdate
from socket import SO_LINGER, SOL_SOCKET
from typing import TYPE_CHECKING, Any

import anyio

if TYPE_CHECKING:
    from collections.abc import Callable

    from .dispatcher import Dispatcher
    from .protocols.connection import Connection
    from .runner import Exchange, Message, Runner

__all__ = ["ServerHost"]

access = logging.getLogger("seaway.access")


class ServerHost:
    """One for each server; `types` are the connection types that the application takes."""

    def __init__(self, dispatcher: Dispatcher, types: frozenset[str]) -> None:
        self._dispatcher = dispatcher
        self._types = types
        self._logs = dispatcher.settings.access_log and access.isEnabledFor(logging.INFO)
        self.settings = dispatcher.settings
        self.draining: Message | None = None
        self.date = b""
        self.connections: set[Connection] = set()
        self.broadcast: tuple[object, bytes] = (None, b"")
        self.begin: Callable[[Exchange], Runner | None] = dispatcher.begin
        self.soon = dispatcher.runtime.soon
        self._set_date()

    def takes(self, type: str) -> bool:
        """Whether the application takes connections of this type."""
        return type in self._types

    async def room(self, connection: Connection) -> None:
        """Wait until the transport has room again or the connection is lost."""
        event = anyio.Event()
        if connection.waiters is None:
            connection.waiters = []
        connection.waiters.append(event.set)
        await event.wait()

    def reset(self, connection: Connection) -> None:
        """End a connection at once, by a reset where it is TCP: an end alone may look whole (RFC 9112, 8)."""
        socket = connection.transport.get_extra_info("socket")
        if socket is not None:
            with suppress(OSError):
                socket.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        connection.transport.abort()

    def tick(self, now: float) -> None:
        """Look at every deadline; `now` is monotonic, in seconds."""
        self._set_date()
        for connection in list(self.connections):
            connection.tick(now)
        for runner in list(self._dispatcher.runners.values()):
            runner.tick(now)

    def opened(self, request: Message) -> Any:
        """Note the begin of a request or handshake for the access log; `None` if there is no log."""
        return (request, self._dispatcher.runtime.now()) if self._logs else None

    def answered(self, note: Any, status: int, size: int) -> None:
        """Write one line: client, request, status (0: none went out), bytes of body, milliseconds."""
        request, begun = note
        client = request["client"]
        target = request["raw_path"] + (b"?" + request["query_string"] if request["query_string"] else b"")
        access.info(
            '%s "%s %s HTTP/%s" %d %d %.1fms',
            f"{client[0]}:{client[1]}" if client else "-",
            request.get("method", "WEBSOCKET"),
            target.decode("ascii", "backslashreplace").replace('"', "%22"),
            request["http_version"],
            status,
            size,
            (self._dispatcher.runtime.now() - begun) * 1000,
        )

    def _set_date(self) -> None:
        self.date = b"date: %b\r\n" % formatdate(usegmt=True).encode("ascii")

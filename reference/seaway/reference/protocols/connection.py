"""What every connection has: a transport, room to write, one deadline.

The method names are `asyncio.Protocol`'s, so that the asyncio driver has nothing to translate.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..runner import Exchange, Message, Runner
    from ..settings import Settings

__all__ = ["BodyConnection", "Connection", "Host", "Transport"]

_BODY_STEP = 1024  # bytes of a body that must come in each body_timeout


class Transport(Protocol):
    """The part of `asyncio.Transport` that protocols use; other drivers offer the same."""

    def write(self, data: bytes) -> None: ...
    def write_eof(self) -> None: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def get_write_buffer_size(self) -> int: ...
    def get_extra_info(self, name: str) -> Any: ...
    def set_protocol(self, protocol: Any) -> None: ...


class Host(Protocol):
    """What protocols need of the server around them."""

    settings: Settings
    draining: Message | None  # the `server.drain` of the drain that is under way
    date: bytes  # the `date` header line of this second
    connections: set[Connection]
    broadcast: tuple[object, bytes]  # the text that was sent last, and its frame

    def takes(self, type: str) -> bool:
        """Whether the application takes connections of this type."""

    def begin(self, exchange: Exchange) -> Runner | None:
        """A runner for a new exchange; `None` when there is no room for another consumer."""

    def soon(self, callback: Callable[[], object]) -> None:
        """Call back, but not from here."""

    async def room(self, connection: Connection) -> None:
        """Wait until the transport has room again or the connection is lost."""

    def reset(self, connection: Connection) -> None:
        """End a connection at once, so that the client sees that it was cut."""

    def opened(self, request: Any) -> Any:
        """Note the begin of a request or handshake for the access log."""

    def answered(self, note: Any, status: int, size: int) -> None:
        """Write the access log's line, if there is one; `size` is the response's body in bytes."""


class Connection:
    """A transport and what is known of it. `timeout` is data: the driver looks at it through `tick`."""

    __slots__ = (
        "_closing",
        "_deadline",
        "_reading",
        "_stall_deadline",
        "_stalled",
        "_timeout",
        "host",
        "lost",
        "paused",
        "transport",
        "waiters",
    )

    def __init__(self, host: Host) -> None:
        self.host = host
        self.transport: Transport = None  # type: ignore[assignment]  # set by connection_made, before anything else
        self.paused = False
        self.lost = False
        self.waiters: list[Callable[[], object]] | None = None
        self._timeout: float | None = None
        self._deadline: float | None = None
        self._stalled: int | None = None
        self._stall_deadline = 0.0
        self._reading = True
        self._closing = False

    @property
    def busy(self) -> bool:
        """Whether something waits to be written."""
        return self.transport.get_write_buffer_size() > 0

    # -- the driver calls ----------------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        """The connection is open."""
        self.transport = transport
        self.host.connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone, whoever ended it."""
        self.lost = True
        self.host.connections.discard(self)
        self.ended()
        self._wake()

    def pause_writing(self) -> None:
        """The transport's buffer is full: `send` waits."""
        self.paused = True
        self._stalled = None

    def resume_writing(self) -> None:
        """The transport's buffer has room again."""
        self.paused = False
        self._wake()

    def eof_received(self) -> bool:
        """The client will send nothing more: a disconnect."""
        self.ended()
        self.close()
        return False

    def tick(self, now: float) -> None:
        """Look at the clock (seconds, monotonic): act on the deadline, and on a client that takes nothing."""
        if self._timeout is not None:
            if self._deadline is None:
                self._deadline = now + self._timeout
            elif now >= self._deadline:
                self.disarm()
                self.timed_out()
        if self.paused or self._closing:
            self._check_stall(now)

    # -- subclasses fill in --------------------------------------------------------------------------------

    def ended(self) -> None:
        """The client is gone: tell the consumer. May come more than once."""
        raise NotImplementedError

    def timed_out(self) -> None:
        """The deadline has passed."""
        raise NotImplementedError

    def retire(self) -> None:
        """The server is about to stop: close now if nothing is under way."""
        raise NotImplementedError

    # -- subclasses use ------------------------------------------------------------------------------------

    def arm(self, seconds: float) -> None:
        """Have `timed_out` called in `seconds`, unless armed anew or disarmed before."""
        self._timeout = seconds
        self._deadline = None

    def disarm(self) -> None:
        """Have no deadline."""
        self._timeout = None

    def read(self, wanted: bool) -> None:
        """Read from the socket, or stop: bytes then wait with the client."""
        if wanted is not self._reading and not self.lost:
            self._reading = wanted
            if wanted:
                self.transport.resume_reading()
            else:
                self.transport.pause_reading()

    def close(self) -> None:
        """Close once all is written; a client that does not take it is cut off like any other that takes nothing."""
        if not self._closing and not self.paused:
            self._stalled = None
        self._closing = True
        self.transport.close()

    def finish_writing(self, linger: float) -> None:
        """Tell the client that nothing follows, and close in `linger` seconds if it does not."""
        self.read(True)
        with suppress(OSError):  # the client has gone: its end is on the way to `connection_lost`
            self.transport.write_eof()
        self.arm(linger)

    def _wake(self) -> None:
        waiters, self.waiters = self.waiters, None
        for wake in waiters or ():
            wake()

    def _check_stall(self, now: float) -> None:
        size = self.transport.get_write_buffer_size()
        if self._stalled is None or size < self._stalled:
            self._stalled = size
            self._stall_deadline = now + self.host.settings.send_timeout
        elif now >= self._stall_deadline:
            self.transport.abort()


class BodyConnection(Connection):
    """A connection on which the body of a request must come in time (HTTP-020)."""

    __slots__ = ("_step", "_ticked")

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._step = 0
        self._ticked = 0.0

    @property
    def held_up(self) -> bool:
        """Whether the consumer holds the body up: then the time is not the client's."""
        raise NotImplementedError

    def tick(self, now: float) -> None:
        """Look at the clock; the time in which the consumer holds the body up is not the client's."""
        if self.held_up and self._deadline is not None:
            self._deadline += now - self._ticked
        self._ticked = now
        super().tick(now)

    def expect_body(self) -> None:
        """Give the client `body_timeout` seconds for the next KiB, or for the end."""
        self._step = _BODY_STEP
        self.arm(self.host.settings.body_timeout)

    def progressed(self, size: int) -> None:
        """`size` bytes of a body have come; each KiB of them, not each byte, gives the client its time anew."""
        self._step -= size
        if self._step <= 0:
            self.expect_body()

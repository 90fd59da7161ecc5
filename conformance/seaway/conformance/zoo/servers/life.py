"""Servers that end, drain, wake and bound wrongly."""

from __future__ import annotations

from typing import Any

from seaway.conformance.zoo.servers.mutants import breaks
from seaway.reference.core import ServerCore
from seaway.reference.dispatcher import Dispatcher
from seaway.reference.lifespan import Lifespan
from seaway.reference.protocols import websocket_state
from seaway.reference.protocols.responses import ResponseSide
from seaway.reference.runner import Runner

DRAINS = (*(f"SRV-0{number:02}" for number in range(1, 17)), "CON-046", "CON-057")
"""What tests of a drain are about: each sees several of its steps."""


def _control(change: Any) -> None:
    """Let *change* look at each message of the server's: it returns what is filed, or None."""
    file = Runner.file_control

    def changed(self: Runner, message: Any) -> None:
        message = change(self, message)
        if message is not None:
            file(self, message)

    Runner.file_control = changed  # type: ignore[method-assign]


@breaks("SRV-004", "SRV-001")
def a_longer_grace() -> None:
    """A drain promises twice the time that there is."""
    _control(lambda _, message: {**message, "grace": message["grace"] * 2} if "grace" in message else message)


@breaks("SRV-003", *DRAINS, "LIF-002", "LIF-010", "LIF-011")
def told_twice() -> None:
    """Every consumer is told twice of a drain."""
    file = Runner.file_control

    def changed(self: Runner, message: Any) -> None:
        file(self, message)
        if message["type"] == "server.drain":
            file(self, dict(message))

    Runner.file_control = changed  # type: ignore[method-assign]


@breaks("SRV-011", "LIF-010", "LIF-011", "LIF-002", "SRV-008")
def the_lifespan_is_not_told() -> None:
    """The lifespan consumer is not told of a drain."""
    _control(
        lambda runner, message: (
            None if runner.exchange.type == "lifespan" and message["type"] == "server.drain" else message
        )
    )


@breaks("SRV-005", *DRAINS, "WS-008")
def going_away() -> None:
    """A drain closes WebSockets with 1001."""
    end = websocket_state.WebSocketState.end
    websocket_state.WebSocketState.end = (  # type: ignore[method-assign]
        lambda self, code, status: end(self, 1001 if code == 1012 else code, status)
    )


@breaks("SRV-007", "SRV-012", "SRV-013", "HTTP-035")
def kept_in_a_drain() -> None:
    """A response in a drain does not say that the connection closes."""
    respond = ResponseSide.respond

    def changed(self: Any, status: int, lines: list[bytes], *rest: Any) -> None:
        write = self.transport.write

        class Quiet:
            def __getattr__(self, name: str) -> Any:
                return getattr(transport, name)

            def write(self, data: bytes) -> None:
                write(data.replace(b"connection: close\r\n", b"") if draining else data)

        transport, draining = self.transport, bool(self.host.draining)
        self.transport = Quiet()
        try:
            respond(self, status, lines, *rest)
        finally:
            self.transport = transport

    ResponseSide.respond = changed  # type: ignore[method-assign, assignment]


@breaks("SRV-012")
def idle_ones_stay() -> None:
    """Idle connections are left open in a drain."""
    from seaway.reference.protocols.http1 import HTTP1Connection

    def retire(self: Any) -> None:
        self._close = True

    HTTP1Connection.retire = retire  # type: ignore[method-assign]


@breaks("SRV-021", "SRV-020", "SRV-019", "SRV-022", "SRV-023")
def woken_too_soon() -> None:
    """A consumer is woken after half the time."""
    wake_after = Runner.wake_after
    Runner.wake_after = (  # type: ignore[method-assign]
        lambda self, seconds: wake_after(self, None if seconds is None else seconds / 2)
    )


@breaks("SRV-024", "SRV-023", "SRV-020")
def woken_for_ever() -> None:
    """A wish to be woken cannot be taken back."""

    def wake_after(self: Runner, seconds: float | None) -> None:
        if seconds is not None and not self.phase:
            self._wake = self.dispatcher.runtime.later(seconds, self._woken)

    Runner.wake_after = wake_after  # type: ignore[method-assign]


@breaks("SRV-023", "SRV-024")
def filed_wakes_stay() -> None:
    """A server.wake that is filed already is neither replaced nor cancelled."""
    wake_after = Runner.wake_after

    def changed(self: Runner, seconds: float | None) -> None:
        socket, self._socket = self._socket, None
        wake_after(self, seconds)
        self._socket = socket

    Runner.wake_after = changed  # type: ignore[method-assign]


@breaks("SRV-026", "SRV-027", "SRV-033", "CON-061")
def everybody_is_admitted() -> None:
    """The bound of consumers is not kept."""
    begin = Dispatcher.begin

    def changed(self: Dispatcher, exchange: Any) -> Any:
        self._most = 10**9
        return begin(self, exchange)

    Dispatcher.begin = changed  # type: ignore[method-assign]


@breaks("SRV-028")
def the_lifespan_counts() -> None:
    """The lifespan consumer takes a place in the bound."""
    init = Dispatcher.__init__

    def changed(self: Dispatcher, *arguments: Any) -> None:
        init(self, *arguments)
        self._most = self.settings.max_consumers

    Dispatcher.__init__ = changed  # type: ignore[method-assign, assignment]


@breaks("LIF-011", "LIF-010", "LIF-002", "SRV-008")
def no_shutdown() -> None:
    """The lifespan consumer is not told of the end."""

    async def shutdown(self: Lifespan) -> None:
        return

    Lifespan.shutdown = shutdown  # type: ignore[method-assign]


@breaks("LIF-012", "SRV-025")
def the_lifespan_sends() -> None:
    """A lifespan consumer may send anything; it goes nowhere."""
    emit = Lifespan.emit

    def changed(self: Lifespan, message: Any) -> None:
        if isinstance(message, dict) and message.get("type") == "server.wake":
            emit(self, message)

    Lifespan.emit = changed  # type: ignore[method-assign]


@breaks("VER-003")
def any_layer() -> None:
    """A layer of another major version is taken."""
    from seaway.reference import core
    from seaway.reference.cli import _server

    core.check_interface = lambda layer: None
    setattr(_server, "check_interface", lambda layer: None)  # noqa: B010 - it is imported there


@breaks("SRV-009", "SRV-016")
def patient() -> None:
    """A second signal changes nothing."""
    core = ServerCore.drain

    async def drain(self: ServerCore) -> None:
        type(self).hurried = property(lambda self: False, lambda self, value: None)  # type: ignore[assignment]
        self.__dict__.pop("hurried", None)
        await core(self)

    ServerCore.drain = drain  # type: ignore[method-assign]

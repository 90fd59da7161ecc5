"""What waits for one consumer, and in which order it is given (CON-033, CON-037 to CON-052).

Rules of this module: no event loop, no time, no protocol.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from seaway.conformance.harness.limits import Limits

Message = dict[str, Any]


class Mailbox:
    """The two sides of a mailbox, with the server's own messages in line with the client's (CON-048, CON-049)."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._socket: deque[Message] = deque()
        self._layer: deque[Message] = deque()
        self._terminal: Message | None = None
        self._overflow: Message | None = None
        self._is_layers_turn = False

    def __bool__(self) -> bool:
        """Return whether anything waits."""
        return bool(self._socket or self._layer or self._terminal is not None)

    @property
    def takes_socket(self) -> bool:
        """Whether there is room for a message of the client: else the server stops reading (CON-040)."""
        waiting = [message for message in self._socket if not _is_servers(message)]
        size = sum(map(size_of, waiting))
        return len(waiting) < self._limits.socket_messages and size < self._limits.socket_bytes

    def file_socket(self, message: Message) -> None:
        """File a message of the client, or of the server itself."""
        self._socket.append(message)

    def file_layer(self, message: Message) -> None:
        """File a message of the layer, or count it in a ``layer.gap`` (CON-041 to CON-043)."""
        if message["type"] == "layer.gap":
            self._file_gap(message)
        elif self._overflow is not None:
            self._overflow["dropped"] += 1
        elif self._has_room(size_of(message)):
            self._layer.append(message)
        else:
            self._overflow = {"type": "layer.gap", "reason": "overflow", "dropped": 1}
            self._layer.append(self._overflow)

    def finish(self, terminal: Message) -> None:
        """File the terminal message: what the layer has sent is gone (CON-050)."""
        self._layer.clear()
        self._terminal = terminal

    def clear(self) -> None:
        """Forget what waits: the consumer has raised (CON-052)."""
        self._socket.clear()
        self._layer.clear()
        self._overflow = None

    def forget_wake(self) -> None:
        """Take back a ``server.wake`` that was not given yet (SRV-023, SRV-024)."""
        self._socket = deque(message for message in self._socket if message["type"] != "server.wake")

    def take(self) -> Message | None:
        """Return the message that is next, or ``None``."""
        is_servers = any(map(_is_servers, self._socket))
        if self._socket and (is_servers or not self._layer or not self._is_layers_turn):
            message = self._socket.popleft()
            self._is_layers_turn = bool(self)  # what comes alone takes no turn
            return message
        if self._layer:
            self._is_layers_turn = False
            return self._take_layer()
        terminal, self._terminal = self._terminal, None
        return terminal

    def _take_layer(self) -> Message:
        message = self._layer.popleft()
        waiting, limits = self._waiting(), self._limits
        if 2 * len(waiting) <= limits.layer_messages and 2 * sum(map(size_of, waiting)) <= limits.layer_bytes:
            self._overflow = None
        return message

    def _waiting(self) -> list[Message]:
        return [message for message in self._layer if message["type"] != "layer.gap"]

    def _has_room(self, size: int) -> bool:
        waiting = self._waiting()
        if not waiting:
            return True
        return len(waiting) < self._limits.layer_messages and (
            sum(map(size_of, waiting)) + size <= self._limits.layer_bytes
        )

    def _file_gap(self, gap: Message) -> None:
        last = self._layer[-1] if self._layer else None
        is_like_it = last is not None and last["type"] == "layer.gap" and last["reason"] == gap["reason"]
        if last is not None and is_like_it and (last["dropped"] is None) == (gap["dropped"] is None):
            if gap["dropped"] is not None:
                last["dropped"] += gap["dropped"]
            return
        self._layer.append(dict(gap))


def size_of(value: Any) -> int:
    """Return the bytes that a message counts for: its text and bytes, at any depth (CON-039)."""
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, dict):
        return sum(size_of(item) for item in value.values())
    if isinstance(value, list):
        return sum(map(size_of, value))
    return 8


def _is_servers(message: Message) -> bool:
    return str(message["type"]).startswith("server.")

"""What the adapters of both directions share: the attributes of the layer behind, and messages nobody has got yet."""

from __future__ import annotations

from collections import deque
from threading import Lock
from typing import Any

from seaway.layers.base import Layer, Message, Received


class Adapter(Layer):
    """What both adapters share: the attributes are those of the layer behind."""

    _layer: Any

    def _adapt(self, layer: Any) -> None:
        self._layer = layer
        self.extensions = layer.extensions
        self.ChannelFull = layer.ChannelFull
        self.MessageTooLarge = layer.MessageTooLarge

    @property
    def capacity(self) -> int:
        """That of the layer behind."""
        return int(self._layer.capacity)

    @property
    def expiry(self) -> float:
        """That of the layer behind."""
        return float(self._layer.expiry)

    @property
    def max_message_size(self) -> int:
        """That of the layer behind."""
        return int(self._layer.max_message_size)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._layer!r}>"


class Held:
    """Messages that were taken for a call that has ended without them. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._messages: deque[tuple[str, Message]] = deque()

    def put(self, received: Received | None) -> None:
        if received is not None and received[0] is not None:
            with self._lock:
                self._messages.append(received)

    def take(self, channels: list[str] | tuple[str, ...]) -> tuple[str, Message] | None:
        if not self._messages:
            return None
        with self._lock:
            for index, (channel, message) in enumerate(self._messages):
                if channel in channels or f"{channel.partition('!')[0]}!" in channels:
                    del self._messages[index]
                    return channel, message
        return None


class Call:
    """One ``receive`` on the far side of a thread boundary: its message reaches its caller or is held, never lost."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._lock = Lock()
        self._abandoned = False
        self.received: Received = (None, None)

    def finish(self, received: Received) -> None:
        with self._lock:
            if self._abandoned:
                self._held.put(received)
            else:
                self.received = received

    def abandon(self) -> None:
        with self._lock:
            self._abandoned = True
            self._held.put(self.received)

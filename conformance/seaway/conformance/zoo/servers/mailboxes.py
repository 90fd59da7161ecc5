"""Servers whose mailboxes lose, forge or keep too much."""

from __future__ import annotations

from typing import Any

from seaway.conformance.zoo.servers.mutants import breaks
from seaway.reference import dispatcher as dispatchers
from seaway.reference import runner as runners
from seaway.reference.dispatcher import Dispatcher
from seaway.reference.runner import Runner

BOUNDS = ("CON-037", "CON-038", "CON-039", "CON-042", "CON-043", "CON-048", "CON-049", "CON-077", "GAP-002", "GAP-006")
"""What tests of a full mailbox are about, beside its bound."""


@breaks("CON-041", *BOUNDS)
def no_bound() -> None:
    """A mailbox takes all that the layer brings."""

    queue = Runner._queue_layer

    def changed(self: Runner, message: Any) -> None:
        queue(self, message)
        self._layer_count = self._layer_bytes = 0

    Runner._queue_layer = changed  # type: ignore[method-assign]


@breaks("GAP-002", "CON-041", *BOUNDS)
def silent_losses() -> None:
    """What finds no room is dropped, and nothing is said."""
    queue = Runner._queue_layer

    def changed(self: Runner, message: Any) -> None:
        queue(self, message)
        if self._overflow is not None and self._layer:
            self._layer = [entry for entry in self._layer if entry[0] is not self._overflow]
            self._overflow = None

    Runner._queue_layer = changed  # type: ignore[method-assign]


@breaks("CON-042", "CON-041")
def readmitted_at_once() -> None:
    """After a loss a mailbox admits again as soon as there is room for one."""
    take = Runner._take_layer

    def changed(self: Runner, queue: Any) -> Any:
        message = take(self, queue)
        self._overflow = None
        return message

    Runner._take_layer = changed  # type: ignore[method-assign]


@breaks("CON-039", "CON-037", "CON-041", "SRV-033", "CON-038")
def shallow_sizes() -> None:
    """Only the text at the first depth of a message counts as its size."""

    def size_of(value: Any) -> int:
        return sum(len(item) for item in value.values() if isinstance(item, str)) if isinstance(value, dict) else 8

    runners.size_of = size_of


@breaks("CON-038")
def large_ones_are_dropped() -> None:
    """A message larger than the bound finds no room, in an empty mailbox either."""
    queue = Runner._queue_layer

    def changed(self: Runner, message: Any) -> None:
        if message["type"] != "layer.gap" and self._overflow is None:
            self._layer_bytes += 1
            try:
                queue(self, message)
            finally:
                self._layer_bytes -= 1
        else:
            queue(self, message)

    Runner._queue_layer = changed  # type: ignore[method-assign]


@breaks("CON-040", "CON-037")
def reads_on() -> None:
    """A socket is read on while its side of the mailbox is full."""
    file = Runner.file_socket

    def changed(self: Runner, message: Any, size: int, behind: Any = None) -> bool:
        file(self, message, size, behind)
        return True

    Runner.file_socket = changed  # type: ignore[method-assign]


@breaks("LAY-069")
def the_inbox_is_for_all() -> None:
    """A message for the inbox itself is given to every consumer."""
    file = Dispatcher.file

    def changed(self: Dispatcher, channel: str, message: Any) -> None:
        if channel == self.inbox and message["type"] != "layer.gap":
            for runner in list(self.runners.values()):
                runner.file_layer(dict(message))
        else:
            file(self, channel, message)

    Dispatcher.file = changed  # type: ignore[method-assign]


@breaks("CON-050", "CON-048", "CON-046", "CON-047", "CON-052", "CON-055")
def the_layer_before_the_end() -> None:
    """What the layer has brought is given before the terminal message."""
    finish = Runner.finish

    def changed(self: Runner, message: Any) -> None:
        layer = self._layer
        finish(self, message)
        if layer and self._layer is None:
            self._layer = layer

    Runner.finish = changed  # type: ignore[method-assign]


@breaks("MSG-022", "MSG-023", "MSG-024")
def forged_events() -> None:
    """Messages of reserved types come through the layer."""
    dispatchers._FORGEABLE = ()
    file = Dispatcher.file

    def changed(self: Dispatcher, channel: str, message: Any) -> None:
        runner = self.runners.get(channel)
        if runner is not None and message["type"] != "layer.gap":
            runner.file_layer(message)
        else:
            file(self, channel, message)

    Dispatcher.file = changed  # type: ignore[method-assign]


@breaks("GAP-014")
def gaps_of_the_inbox_are_lost() -> None:
    """A gap for the inbox is told to nobody."""
    file = Dispatcher.file

    def changed(self: Dispatcher, channel: str, message: Any) -> None:
        if channel != self.inbox:
            file(self, channel, message)

    Dispatcher.file = changed  # type: ignore[method-assign]


@breaks("GAP-015", "GAP-006", "GAP-007", "GAP-001", "CON-041", "CON-043", "GAP-020")
def gaps_without_numbers() -> None:
    """The number in a gap of the layer's is forgotten."""
    file = Runner.file_layer

    def changed(self: Runner, message: Any) -> None:
        file(self, {**message, "dropped": None} if message["type"] == "layer.gap" else message)

    Runner.file_layer = changed  # type: ignore[method-assign]


ORDER = ("CON-026", "CON-041", "GAP-001", "GAP-007", "GAP-009", "GAP-015", "LIF-006", "LIF-007", "SRV-033")
"""What tests are about, beside the bounds, that see in which order the layer's messages come."""


@breaks("CON-031", *BOUNDS, *ORDER)
def the_layer_backwards() -> None:
    """What the layer brings is given latest first."""
    queue = Runner._queue_layer

    def changed(self: Runner, message: Any) -> None:
        queue(self, message)
        if self._overflow is None and self._layer and message["type"] != "layer.gap":
            self._layer.insert(0, self._layer.pop())

    Runner._queue_layer = changed  # type: ignore[method-assign]

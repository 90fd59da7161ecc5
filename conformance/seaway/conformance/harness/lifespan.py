"""The lifespan consumer of a harness (lifespan chapter).

Rules of this module: it knows what starts and ends it; how it is called is said in `connection`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seaway.conformance.harness.connection import Connection, Message
from seaway.conformance.harness.requests import lifespan_startup

if TYPE_CHECKING:
    from seaway.conformance.harness.core import Core


class Lifespan(Connection):
    """The consumer for the life of the process."""

    type = "lifespan"

    def __init__(self, core: Core) -> None:
        super().__init__(core, lifespan_startup(), "lifespan")
        self.has_started = False
        self.has_failed = False

    def file_layer(self, message: Message) -> None:
        """See `Connection.file_layer`: nothing before the start has returned (LIF-007)."""
        if self.has_started:
            super().file_layer(message)
        else:
            self._wire.append(message)

    def returned(self, message: Message) -> None:
        """See `Connection.returned`."""
        self.has_started = True

    def read(self) -> None:
        """See `Connection.read`."""
        while self._wire:
            super().file_layer(self._wire.popleft())

    def failed(self) -> None:
        """See `Connection.failed`."""
        self.has_failed = True
        self.stop()

    def stop(self) -> None:
        """Let ``lifespan.shutdown`` be given."""
        self.finish({"type": "lifespan.shutdown"})

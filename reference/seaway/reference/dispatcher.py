"""One for each server: the consumers that are alive, and the layer's messages on their way to them."""

from __future__ import annotations

import contextvars
import itertools
import logging
from typing import TYPE_CHECKING, Any

from seaway.spec.values import RESERVED_PREFIXES

from .runner import Exchange, Message, Runner
from .views import LayerView

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .drivers.runtime import Runtime
    from .settings import Settings

__all__ = ["Dispatcher"]

logger = logging.getLogger("seaway.server")
_REPORTED = 100
_FORGEABLE = tuple(RESERVED_PREFIXES)


class Dispatcher:
    """Makes consumers, knows each by its channel, and files what the layer brings into their mailboxes.

    - `application`: asynchronous; a synchronous one comes through `adapt_sync`.
    - `layer`: an open asynchronous layer; the dispatcher owns one inbox on it.
    """

    def __init__(
        self,
        application: Callable[..., Callable[[Message], Awaitable[None]]],
        layer: Any,
        settings: Settings,
        runtime: Runtime,
    ) -> None:
        self.application = application
        self.layer = layer
        self.settings = settings
        self.mailbox = settings.mailbox
        self.runtime = runtime
        self.context = contextvars.copy_context()
        self.runners: dict[str, Runner] = {}
        self.inbox = ""
        self.dropped = 0
        self._numbers = itertools.count(1)
        self._reported: set[str] = set()
        # The lifespan consumer does not count in the bound (SRV-028).
        self._most = settings.max_consumers + ("lifespan" in getattr(application, "types", ()))

    async def open(self) -> None:
        """Make the inbox. `ConnectionError` without a broker."""
        self.inbox = await self.layer.new_channel("server!")

    def begin(self, exchange: Exchange) -> Runner | None:
        """A runner for a new exchange, whose first message the caller files next; `None`: no room for a consumer."""
        if len(self.runners) >= self._most and exchange.type != "lifespan":
            return None
        channel = f"{self.inbox}{next(self._numbers)}"
        runner = self.runners[channel] = Runner(self, exchange, channel)
        return runner

    def view(self, runner: Runner) -> LayerView:
        """The layer as the consumer of `runner` may use it."""
        return LayerView(self.layer, runner)

    async def ended(self, runner: Runner) -> None:
        """The last call of a consumer has returned: its memberships end (CON-027)."""
        del self.runners[runner.channel]
        await self.layer.close_channel(runner.channel)

    async def receive(self) -> None:
        """Take from the inbox and file, for ever. `RuntimeError` when somebody closes the layer under the server."""
        channels = [self.inbox]
        receive = self.layer.receive
        while True:
            channel, message = await receive(channels)
            self.file(channel, message)

    def file(self, channel: str, message: Message) -> None:
        """File one message of the layer; a forged one and one for a consumer that is gone are dropped and counted."""
        kind = message["type"]
        if channel == self.inbox:
            if kind == "layer.gap":
                for runner in list(self.runners.values()):
                    runner.file_layer({**message, "dropped": None})
            else:
                self.dropped += 1
            return
        runner_or_none = self.runners.get(channel)
        if runner_or_none is None:
            self.dropped += 1
            return
        own = runner_or_none.exchange.type
        if kind != "layer.gap" and (kind.startswith(_FORGEABLE) or kind.startswith(own + ".")):
            self.dropped += 1
            self._report(kind, channel)
            return
        runner_or_none.file_layer(message)

    def _report(self, kind: str, channel: str) -> None:
        """Log a forged message: once for each type, and for a bounded number of types (MSG-024)."""
        if kind not in self._reported and len(self._reported) < _REPORTED:
            self._reported.add(kind)
            logger.warning("dropped a message of the reserved type %r that came from the layer for %s", kind, channel)

    async def close(self) -> None:
        """Give up the inbox."""
        await self.layer.close_channel(self.inbox)

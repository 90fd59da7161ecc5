"""Synchronous applications under an asynchronous server (CON, rule 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._elsewhere import HoppingCalls
from ._plain import call, make
from .views import LayerView, SyncLayerView

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .runner import Message

__all__ = ["adapt_sync"]


def adapt_sync(application: Callable[..., Callable[[Message], None]]) -> Callable[..., Callable[..., Awaitable[None]]]:
    """A synchronous application as an asynchronous one, for a server or router of that flavour.

    The application and its consumers are called in worker threads: different consumers in parallel, one consumer
    never concurrently with itself, all its calls in one `contextvars` context. They get a synchronous `send` and a
    synchronous view of the same layer. Under another server than this package's each message is a hop of its own.
    """

    def adapted(type: str, channel_layer: Any, consumer_channel: str, send: Any) -> SyncCalls | HoppingCalls:
        if not isinstance(channel_layer, LayerView):
            return HoppingCalls(application, type, channel_layer, consumer_channel, send)
        return SyncCalls(application, type, channel_layer, send)

    adapted.is_async = True  # type: ignore[attr-defined]
    if hasattr(application, "types"):
        adapted.types = application.types  # type: ignore[attr-defined]
    return adapted


class SyncCalls:
    """A synchronous consumer as an asynchronous one: what is queued when a call returns runs in the same hop.

    Not where something stands between it and the server, which is seen by another `send`: that has to see each call.
    """

    __slots__ = (
        "_application",
        "_async_send",
        "_consumer",
        "_context",
        "_dead",
        "_exchange",
        "_is_direct",
        "_runner",
        "_type",
        "_view",
    )

    def __init__(
        self, application: Callable[..., Callable[[Message], None]], type: str, channel_layer: LayerView, send: Any
    ) -> None:
        runner = channel_layer.runner
        assert runner.context is not None
        self._application = application
        self._type = type
        self._runner = runner
        self._exchange = runner.exchange
        self._async_send = send
        self._is_direct = send == runner.exchange.send
        self._view = SyncLayerView(channel_layer)
        self._context = runner.context.copy()
        self._consumer: Callable[[Message], None] | None = None
        self._dead = False

    async def __call__(self, message: Message) -> None:
        """Call the consumer with `message`, and with what else is filed until nothing is."""
        if self._dead:
            return
        runner = self._runner
        runner.in_thread = True
        await runner.dispatcher.runtime.run_in_thread(lambda: self._hop(message))

    def _hop(self, message: Message) -> None:
        try:
            self._context.run(self._calls, message)
        finally:
            self._runner.in_thread = False

    def _calls(self, message: Message | None) -> None:
        runner, exchange = self._runner, self._exchange
        if self._consumer is None:
            self._create()
        consumer = self._consumer
        assert consumer is not None
        while message is not None:
            call(consumer, message)
            if not self._is_direct:
                return
            if message is exchange.waiting:
                runner.dispatcher.runtime.threadsafe(exchange.returned)
            message = runner.take(last=False)

    def _create(self) -> None:
        try:
            self._consumer = make(self._application, self._type, self._view, self._runner.channel, self._send)
        except BaseException:
            self._dead = True
            raise

    def _send(self, message: Message) -> None:
        if self._consumer is None:
            raise ValueError("send before the consumer's first message (CON-029): the connection has not begun for it")
        self._runner.dispatcher.runtime.from_thread(self._async_send, message)

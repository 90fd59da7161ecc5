"""Synchronous applications under an asynchronous server (CON, rule 10)."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from .views import LayerView, SyncLayerView

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .runner import Message

__all__ = ["adapt_sync"]


def adapt_sync(application: Callable[..., Callable[[Message], None]]) -> Callable[..., Callable[..., Awaitable[None]]]:
    """A synchronous application as an asynchronous one, for a server or router of that flavour.

    The application and its consumers are called in worker threads: different consumers in parallel, one consumer
    never concurrently with itself, all its calls in one `contextvars` context. They get a synchronous `send` and a
    synchronous view of the same layer. It works under this package's server only: `TypeError` under another.
    """

    def adapted(type: str, channel_layer: Any, consumer_channel: str, send: Any) -> SyncCalls:
        if not isinstance(channel_layer, LayerView):
            raise TypeError(
                f"adapt_sync needs the view of seaway.reference's server, got {channel_layer!r} as channel_layer"
            )
        return SyncCalls(application, type, channel_layer, send)

    adapted.is_async = True  # type: ignore[attr-defined]
    types = getattr(application, "types", None)
    if types is not None:
        adapted.types = types  # type: ignore[attr-defined]
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
            result: Any = consumer(message)
            if inspect.isawaitable(result):
                if inspect.iscoroutine(result):
                    result.close()
                raise TypeError(
                    "CON-018: a consumer of an application whose `is_async` is false must be an ordinary function: its "
                    "call returned an awaitable. Use `def`, or set `is_async = True` on the application"
                )
            if not self._is_direct:
                return
            if message is exchange.waiting:
                runner.dispatcher.runtime.threadsafe(exchange.returned)
            message = runner.take(last=False)

    def _create(self) -> None:
        try:
            consumer = self._application(self._type, self._view, self._runner.channel, self._send)
            if not callable(consumer):
                raise TypeError(
                    f"the application returned {consumer!r}: expected a consumer, a callable that takes one message"
                )
        except BaseException:
            self._dead = True
            raise
        self._consumer = consumer

    def _send(self, message: Message) -> None:
        if self._consumer is None:
            raise ValueError("send before the consumer's first message (CON-029): the connection has not begun for it")
        self._runner.dispatcher.runtime.from_thread(self._async_send, message)

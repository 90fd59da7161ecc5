"""Synchronous consumers under a server that is not this package's: `adapt_sync` without the runner's help.

Rules of this file: it knows the interface and nothing of the server. Each message is a hop of its own to a thread.
"""

from __future__ import annotations

import contextvars
from typing import TYPE_CHECKING, Any

import anyio.to_thread
from anyio.lowlevel import RunVar

from ._plain import call, make
from .drivers import new_runtime

if TYPE_CHECKING:
    from collections.abc import Callable

    from .drivers.runtime import Runtime
    from .runner import Message

__all__ = ["HoppingCalls"]

_METHODS = ("send", "send_group", "group_add", "group_discard")
_runtime: RunVar[Runtime] = RunVar("seaway_runtime")


class HoppingCalls:
    """A synchronous consumer as an asynchronous one.

    The application is called in a worker thread too, in the hop of the first message.
    """

    def __init__(
        self, application: Callable[..., Any], type: str, channel_layer: Any, consumer_channel: str, send: Any
    ) -> None:
        runtime = _runtime.get(None)
        if runtime is None:
            runtime = new_runtime(1)  # no thread of it is used: it knows the way back to the loop
            _runtime.set(runtime)
        self._runtime = runtime
        self._application = application
        self._arguments = (type, _SyncView(channel_layer, runtime), consumer_channel, self._send)
        self._async_send = send
        self._context = contextvars.copy_context()
        self._consumer: Callable[[Message], None] | None = None
        self._dead = False

    async def __call__(self, message: Message) -> None:
        """Call the consumer with `message`."""
        if not self._dead:
            await anyio.to_thread.run_sync(self._context.run, self._call, message)

    def _call(self, message: Message) -> None:
        if self._consumer is None:
            try:
                self._consumer = make(self._application, *self._arguments)
            except BaseException:
                self._dead = True
                raise
        call(self._consumer, message)

    def _send(self, message: Message) -> None:
        if self._consumer is None:
            raise ValueError("send before the consumer's first message (CON-029): the connection has not begun for it")
        self._runtime.from_thread(self._async_send, message)


class _SyncView:
    """The view of the other flavour: its methods, from a worker thread."""

    is_async = False

    def __init__(self, view: Any, runtime: Runtime) -> None:
        self._view = view
        self._runtime = runtime

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._view, name)
        if name not in _METHODS:
            return value
        return lambda *arguments: self._runtime.from_thread(value, *arguments)

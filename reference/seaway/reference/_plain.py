"""What a synchronous application has to be, whoever calls it: its errors name the requirement."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from .runner import Message

__all__ = ["call", "make"]


def make(application: Callable[..., Callable[[Message], None]], *arguments: Any) -> Callable[[Message], None]:
    """The consumer that `application` makes. `TypeError` if it is not callable (CON-012)."""
    consumer = application(*arguments)
    if not callable(consumer):
        raise TypeError(
            f"the application returned {consumer!r}: expected a consumer, a callable that takes one message"
        )
    return consumer


def call(consumer: Callable[[Message], Any], message: Message) -> None:
    """Call `consumer` with `message`. `TypeError` if that returns something to be awaited (CON-018)."""
    result = consumer(message)
    if inspect.isawaitable(result):
        if inspect.iscoroutine(result):
            result.close()
        raise TypeError(
            "CON-018: a consumer of an application whose `is_async` is false must be an ordinary function: its "
            "call returned an awaitable. Use `def`, or set `is_async = True` on the application"
        )

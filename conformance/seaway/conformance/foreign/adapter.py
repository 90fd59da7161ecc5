"""A layer of Channels behind this interface's names. It translates, and mends nothing.

What the old interface has in another shape is translated: ``group_send``, a ``receive`` of one channel without a
timeout, a `TypeError` for a bad name. What it has not raises `NotOfferedError`: inboxes that are read by prefix,
several channels in one ``receive``, closing a channel. Checks of names, types and sizes are those of the layer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

Message = dict[str, Any]


class NotOfferedError(NotImplementedError):
    """The old interface has nothing of the kind."""


class ForeignError(Exception):
    """A foreign layer cannot be made; the text says what to install or start."""


class ForeignMessageTooLarge(Exception):  # noqa: N818 - the interface names it so
    """Stands for the exception that the old layers never raise."""


class ForeignLayer:
    """One object of an old layer.

    Args:
        make: makes the old object; called in the event loop, at first use.
        full: what the old layer raises when a channel is full.
        options: what it was made with.
    """

    is_async: ClassVar[bool] = True
    interface: ClassVar[str] = "1.0"
    extensions: frozenset[str] = frozenset()
    MessageTooLarge = ForeignMessageTooLarge

    def __init__(self, make: Callable[[], Any], full: type[Exception], options: dict[str, Any]) -> None:
        self.ChannelFull = full
        self.capacity = options.get("capacity", 100)
        self.expiry = options.get("expiry", 60)
        self.max_message_size = options.get("max_message_size", 1024 * 1024)
        self._make = make
        self._old: Any = None
        self._closed = False

    async def send(self, channel: str, message: Message) -> None:
        """Send, as the old layer does."""
        with _names():
            await self._layer().send(channel, message)

    async def receive(self, channels: Any, timeout: float | None = None) -> tuple[str | None, Message | None]:
        """Receive from one channel. A timeout is a cancelled call, the only way that the old interface has."""
        if not isinstance(channels, (list, tuple)) or not channels:
            raise ValueError("expected a list of channels (LAY-044, LAY-045)")
        if len(set(channels)) > 1:
            raise NotOfferedError("the old interface receives from one channel at a time")
        try:
            # Without any time to run, a cancelled call would not even look.
            async with asyncio.timeout(None if timeout is None else max(timeout, 0.05)):
                with _names():
                    return channels[0], await self._layer().receive(channels[0])
        except TimeoutError:
            return None, None

    async def new_channel(self, pattern: str) -> str:
        """Refuse: a name of the old interface is one channel, no inbox with channels under it."""
        raise NotOfferedError(f"{pattern!r}: the old interface has no inbox that is read by its prefix")

    async def group_add(self, group: str, channel: str) -> None:
        """Join."""
        with _names():
            await self._layer().group_add(group, channel)

    async def group_discard(self, group: str, channel: str) -> None:
        """Leave."""
        with _names():
            await self._layer().group_discard(group, channel)

    async def send_group(self, group: str, message: Message) -> None:
        """Call ``group_send``."""
        with _names():
            await self._layer().group_send(group, message)

    async def close_channel(self, channel: str) -> None:
        """Refuse: nothing in the old interface ends a channel."""
        raise NotOfferedError(f"{channel!r}: the old interface closes no channel")

    async def close(self) -> None:
        """Close the connections, where the old layer has a way to."""
        closes = getattr(self._old, "close_pools", None)
        self._closed = True
        if closes is not None:
            await closes()

    async def __aenter__(self) -> ForeignLayer:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    def _layer(self) -> Any:
        if self._closed:
            raise RuntimeError("the layer is closed (LAY-022)")
        if self._old is None:
            self._old = self._make()
        return self._old


@contextmanager
def _names() -> Iterator[None]:
    try:
        yield
    except TypeError as error:
        if "name must be" in str(error):
            raise ValueError(str(error)) from error
        raise

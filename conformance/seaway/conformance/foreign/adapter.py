"""A layer of Channels behind this interface's names. It translates, and mends nothing.

What the old interface has in another shape is translated: ``group_send``, a ``receive`` of one channel without a
timeout, process-local channels (see `inboxes`), a `TypeError` for a bad name, a broker's own error for a lost
connection. What it has not raises `NotOfferedError`: several channels in one ``receive``, closing a channel, an option
that it does not take. Checks of names, types and sizes are those of the layer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from attrs import frozen

from seaway.conformance.foreign.inboxes import LocalChannels

Message = dict[str, Any]


class NotOfferedError(NotImplementedError):
    """The old interface has nothing of the kind."""


class NothingKeptError(Exception):
    """A receive timed out where something was sent while nobody received: the layer drops that."""


class ForeignMessageTooLarge(Exception):  # noqa: N818 - the interface names it so
    """Stands for the exception that the old layers never raise."""


@frozen
class Nature:
    """What the adapter has to know of an old layer.

    Args:
        full: what it raises when a channel is full.
        too_large: what it raises for a message that is too large.
        lost: what it raises without a broker, beside `ConnectionError`.
        keeps: whether a normal channel keeps what is sent while nobody receives.
        least: seconds that a ``receive`` with a shorter timeout is given: several round trips to a broker.
        extensions: those of this interface's extensions that it has.
        close: the name of the method that closes its connections.
    """

    full: type[Exception]
    too_large: type[Exception]
    lost: tuple[type[Exception], ...]
    keeps: bool
    least: float
    extensions: frozenset[str]
    close: str


class ForeignLayer:
    """One object of an old layer.

    Args:
        make: makes the old object; called in the event loop, at first use.
        nature: what is to be known of its class.
        options: what it was made with.
    """

    is_async: ClassVar[bool] = True
    interface: ClassVar[str] = "1.0"

    def __init__(self, make: Callable[[], Any], nature: Nature, options: dict[str, Any]) -> None:
        self.ChannelFull = nature.full
        self.MessageTooLarge = nature.too_large
        self.extensions = nature.extensions
        self.capacity = options.get("capacity", 100)
        self.expiry = options.get("expiry", 60)
        self.max_message_size = options.get("max_message_size", 1024 * 1024)
        self._nature = nature
        self._make = make
        self._old: Any = None
        self._closed = False
        self._local = LocalChannels(self._layer)
        self._heard = _Heard.of(options.get("namespace", ""))

    async def send(self, channel: str, message: Message) -> None:
        """Send, as the old layer does."""
        with self._translated():
            old = await self._local.old_name(channel)
            if not self._nature.keeps:
                await self._heard.sent(channel, self._nature.least)
            await self._layer().send(old, message)

    async def receive(self, channels: Any, timeout: float | None = None) -> tuple[str | None, Message | None]:
        """Receive from one normal channel or inbox.

        On a normal channel a timeout is a cancelled call, the only way that the old interface has.

        Raises:
            NotOfferedError: several channels, or the inbox of another object.
            NothingKeptError: see there.
        """
        if not isinstance(channels, (list, tuple)) or not channels:
            raise ValueError("expected a list of channels (LAY-044, LAY-045)")
        channel = channels[0]
        if any(other != channel for other in channels):
            raise NotOfferedError("the old interface receives from one channel at a time")
        limit = None if timeout is None else max(timeout, self._nature.least)
        with self._translated():
            if self._local.owns(channel):
                return await self._local.receive(channel, limit)
            if isinstance(channel, str) and channel.endswith("!") and channel != "!":
                raise NotOfferedError("the old interface receives by full names, never by a prefix")
            return await self._receive(channel, limit)

    async def new_channel(self, pattern: str) -> str:
        """Return an inbox. The name is the old layer's and this adapter's; *pattern* has no part in it."""
        with self._translated():
            return await self._local.new_inbox()

    async def group_add(self, group: str, channel: str) -> None:
        """Join."""
        with self._translated():
            await self._layer().group_add(group, await self._local.old_name(channel))

    async def group_discard(self, group: str, channel: str) -> None:
        """Leave."""
        with self._translated():
            await self._layer().group_discard(group, await self._local.old_name(channel))

    async def send_group(self, group: str, message: Message) -> None:
        """Call ``group_send``."""
        with self._translated():
            await self._layer().group_send(group, message)

    async def flush(self) -> None:
        """Flush, where the old layer says that it can."""
        if "flush" not in self.extensions:
            raise NotImplementedError("the layer has no extension flush")
        with self._translated():
            await self._layer().flush()

    async def statistics(self) -> dict[str, Any]:
        """Refuse: the old interface has no counters."""
        raise NotImplementedError("the old interface has no extension statistics")

    async def close_channel(self, channel: str) -> None:
        """Refuse: nothing in the old interface ends a channel."""
        raise NotOfferedError(f"{channel!r}: the old interface closes no channel")

    async def close(self) -> None:
        """Cancel what receives, and close the connections."""
        self._closed = True
        await self._local.close()
        if self._old is not None:
            await getattr(self._old, self._nature.close)()

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

    async def _receive(self, channel: str, limit: float | None) -> tuple[str | None, Message | None]:
        with self._heard.receiving(channel):
            lost = not self._nature.keeps and self._heard.unheard(channel)
            try:
                async with asyncio.timeout(self._nature.least if lost and limit is not None else limit):
                    return channel, await self._layer().receive(channel)
            except TimeoutError:
                if lost:
                    raise NothingKeptError(f"what was sent to {channel!r} while nobody received is lost") from None
                return None, None

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except self._nature.lost as error:
            raise ConnectionError(f"{type(error).__name__}: {error}") from error
        except TypeError as error:
            if "name" in str(error).lower() and ("must be" in str(error) or "cannot be" in str(error)):
                raise ValueError(str(error)) from error
            raise


class _Heard:
    """To which normal channels of one namespace something was sent, in this process, while nobody received there."""

    _namespaces: ClassVar[dict[str, _Heard]] = {}

    def __init__(self) -> None:
        self._receiving: list[tuple[Any, float]] = []
        self._unheard: set[Any] = set()

    @classmethod
    def of(cls, namespace: str) -> _Heard:
        """Return the one of *namespace*."""
        return cls._namespaces.setdefault(namespace, cls())

    async def sent(self, channel: Any, seconds: float) -> None:
        """Something is sent to *channel*: return when who receives there has done so for *seconds*, to be heard."""
        begun = [time for name, time in self._receiving if name == channel]
        if begun:
            await asyncio.sleep(max(begun) + seconds - asyncio.get_running_loop().time())
        elif isinstance(channel, str):
            self._unheard.add(channel)

    def unheard(self, channel: Any) -> bool:
        """Return whether something was sent to *channel* while nobody received there."""
        return channel in self._unheard

    @contextmanager
    def receiving(self, channel: Any) -> Iterator[None]:
        """Somebody receives on *channel* meanwhile."""
        receiving = (channel, asyncio.get_running_loop().time())
        self._receiving.append(receiving)
        try:
            yield
        finally:
            self._receiving.remove(receiving)

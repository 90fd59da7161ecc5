"""The layer as a consumer sees it (CON-019 to CON-023), and a layer of the other flavour.

Rules of this module: an asynchronous face first; a synchronous consumer's calls hop to the event loop.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import anyio.to_thread

if TYPE_CHECKING:
    from seaway.conformance.harness.connection import Connection

Message = dict[str, Any]

_SHARED = ("interface", "extensions", "capacity", "expiry", "max_message_size", "ChannelFull", "MessageTooLarge")
_WITHHELD = ("receive", "new_channel", "close_channel", "flush", "statistics", "close")
_METHODS = (
    *("send", "send_group", "group_add", "group_discard", "receive", "new_channel", "close_channel"),
    *("flush", "statistics", "close"),
)


class ThreadedLayer:
    """A synchronous layer with methods that can be awaited: each call runs in a worker thread."""

    is_async = True

    def __init__(self, layer: Any) -> None:
        self._layer = layer

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._layer, name)
        if name not in _METHODS:
            return value

        async def call(*arguments: Any, **options: Any) -> Any:
            bound = partial(value, *arguments, **options)
            return await anyio.to_thread.run_sync(bound, abandon_on_cancel=True)

        return call


class View:
    """What an asynchronous consumer gets: it may send, and join groups with its own channel."""

    is_async = True

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._layer = connection.core.layer

    def __getattr__(self, name: str) -> Any:
        if name in _SHARED:
            return getattr(self._layer, name)
        if name in _WITHHELD:
            return partial(_refuse, name)
        if not name.startswith("_"):
            getattr(self._layer, name)  # an old name has an error that helps (LAY-100)
        raise AttributeError(f"the layer of a consumer has no {name!r}: see CON-019 for what it has")

    async def send(self, channel: str, message: Message) -> None:
        """Send *message* to *channel*."""
        await self._layer.send(channel, message)

    async def send_group(self, group: str, message: Message) -> None:
        """Send *message* to every consumer in *group*."""
        await self._layer.send_group(group, message)

    async def group_add(self, group: str, channel: str) -> None:
        """Join *group*. `ValueError` for another's channel, `RuntimeError` after the end."""
        self._check("group_add", channel)
        if self._connection.is_over:
            raise RuntimeError(f"{self._connection} has ended: its consumer can join no group (CON-023)")
        await self._layer.group_add(group, channel)

    async def group_discard(self, group: str, channel: str) -> None:
        """Leave *group*. `ValueError` for another's channel."""
        self._check("group_discard", channel)
        await self._layer.group_discard(group, channel)

    def _check(self, name: str, channel: str) -> None:
        own = self._connection.channel
        if channel != own:
            raise ValueError(f"{name}: expected this consumer's own channel {own!r}, got {channel!r} (CON-022)")


class SyncView:
    """What a synchronous consumer gets: the same, from its worker thread."""

    is_async = False

    def __init__(self, view: View, connection: Connection) -> None:
        self._view = view
        self._from_thread = connection.core.from_thread

    def __getattr__(self, name: str) -> Any:
        return getattr(self._view, name)

    def send(self, channel: str, message: Message) -> None:
        """Send *message* to *channel*."""
        self._from_thread(self._view.send, channel, message)

    def send_group(self, group: str, message: Message) -> None:
        """Send *message* to every consumer in *group*."""
        self._from_thread(self._view.send_group, group, message)

    def group_add(self, group: str, channel: str) -> None:
        """Join *group*. `ValueError` for another's channel, `RuntimeError` after the end."""
        self._from_thread(self._view.group_add, group, channel)

    def group_discard(self, group: str, channel: str) -> None:
        """Leave *group*. `ValueError` for another's channel."""
        self._from_thread(self._view.group_discard, group, channel)


def view_for(connection: Connection) -> Any:
    """Return the view of the application's flavour."""
    view = View(connection)
    return view if connection.core.is_async else SyncView(view, connection)


def _refuse(name: str, *_: Any, **__: Any) -> NoReturn:
    raise RuntimeError(f"{name} is not for a consumer: what needs it opens a layer of its own (CON-021)")

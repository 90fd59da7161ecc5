"""The memory layer: one process, both flavours, any number of threads and event loops.

Rules of this module: two thin shells over `seaway.layers._hub.Hub`; a shell decides nothing. Objects with the same
*name* and *namespace* share a hub; without a name each object has its own.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from functools import partial
from threading import Lock
from time import monotonic
from typing import Any

from seaway.layers._hub import Hub
from seaway.layers._options import MemoryOptions, shown_url, split_url
from seaway.layers._queues import Client
from seaway.layers.base import Layer, Message, Route, full
from seaway.layers.flavours import BREATH, AsyncLayer, SyncLayer
from seaway.spec import check_group
from seaway.spec.names import MAX_NAME_LENGTH


class _Memory(Layer):
    """What both flavours share: how they attach to a hub and use it."""

    extensions = frozenset({"flush", "statistics"})
    _options_kind = MemoryOptions
    _hub: Hub
    _client: Client
    _put: Callable[[Route, Message, int], bool]

    def __init__(self, *, clock: Callable[[], float] = monotonic, **options: Any) -> None:
        super().__init__(**options)
        self._clock = clock

    def _open(self) -> None:
        options = self._options
        assert isinstance(options, MemoryOptions)
        self._hub, self._client = _attach(options.name, options.namespace, self._clock)
        self._put = partial(self._hub.send, self._client)
        self._take = partial(self._hub.take, self._client)
        self._take_or_wait = partial(self._hub.take_or_wait, self._client)
        self._leave = self._hub.leave
        weakref.finalize(self, self._hub.collected, self._client).atexit = False

    def _new_channel(self, pattern: str) -> str:
        name = self._inbox_name(pattern)
        self._hub.new_inbox(self._client, name, self._options.inbox_capacity, self._options.inbox_bytes)
        return name

    def _has_no_members(self, channel: str) -> bool:
        """Whether *channel* is evidently a local name of ours that is in no group: a server asks for every request."""
        if type(channel) is not str or len(channel) > MAX_NAME_LENGTH:
            return False
        inbox, mark, local = channel.partition("!")
        owned = self._client.inboxes.get(inbox + mark)
        return owned is not None and local.isalnum() and local.isascii() and channel not in owned.memberships

    def _group_change(self, change: Callable[[Client, str, Route], None], group: str, channel: str) -> None:
        check_group(group)
        change(self._client, group, self._local_route(channel))


class MemoryLayer(_Memory, AsyncLayer):
    """The asynchronous memory layer, for asyncio (uvloop included) and trio.

    Args:
        name: the hub to share with other objects of either flavour in this process; ``""`` is one of its own.
        clock: gives seconds that never step; for tests. The first object on a hub decides.
        options: see `seaway.layers.base.Layer`.
    """

    async def send(self, channel: str, message: Message) -> None:
        """See `SyncLayer.send`. Never raises ``ConnectionError``: there is no broker."""
        home = self._enter()
        route = self._route(channel)
        copy, encoded = self._outgoing(message)
        self._breath -= 1
        if not self._breath:
            self._breath = BREATH
            await home.checkpoint()
        if not self._put(route, copy, len(encoded)):
            raise full(channel)

    async def send_group(self, group: str, message: Message) -> None:
        """See `SyncLayer.send_group`."""
        home = self._enter()
        check_group(group)
        copy, encoded = self._outgoing(message)
        self._breath -= 1
        if not self._breath:
            self._breath = BREATH
            await home.checkpoint()
        self._hub.send_group(self._client, group, copy, encoded, self._options.expiry)

    async def new_channel(self, pattern: str) -> str:
        """See `SyncLayer.new_channel`."""
        self._enter()
        return self._new_channel(pattern)

    async def close_channel(self, channel: str) -> None:
        """See `SyncLayer.close_channel`."""
        self._enter()
        if not self._has_no_members(channel):
            self._hub.close_channel(self._client, self._route(channel))

    async def group_add(self, group: str, channel: str) -> None:
        """See `SyncLayer.group_add`."""
        self._enter()
        self._group_change(self._hub.group_add, group, channel)

    async def group_discard(self, group: str, channel: str) -> None:
        """See `SyncLayer.group_discard`."""
        self._enter()
        self._group_change(self._hub.group_discard, group, channel)

    async def flush(self) -> None:
        """Drop all that waits in this namespace; owners of inboxes get a ``layer.gap`` (LAY-103, LAY-104)."""
        self._enter()
        self._hub.flush(self._client)

    async def statistics(self) -> dict[str, object]:
        """Return what this object did and saw since it opened (LAY-107)."""
        self._enter()
        return self._hub.statistics(self._client)

    async def _aclose(self) -> None:
        self._hub.detach(self._client)


class SyncMemoryLayer(_Memory, SyncLayer):
    """The synchronous memory layer, for threads. Arguments as for `MemoryLayer`.

    Not for signal handlers: they run in the middle of whatever the main thread is doing, a call of this layer included.
    """

    def send(self, channel: str, message: Message) -> None:
        """See `SyncLayer.send`. Never raises ``ConnectionError``: there is no broker."""
        self._enter()
        route = self._route(channel)
        copy, encoded = self._outgoing(message)
        if not self._put(route, copy, len(encoded)):
            raise full(channel)

    def send_group(self, group: str, message: Message) -> None:
        """See `SyncLayer.send_group`."""
        self._enter()
        check_group(group)
        copy, encoded = self._outgoing(message)
        self._hub.send_group(self._client, group, copy, encoded, self._options.expiry)

    def new_channel(self, pattern: str) -> str:
        """See `SyncLayer.new_channel`."""
        self._enter()
        return self._new_channel(pattern)

    def close_channel(self, channel: str) -> None:
        """See `SyncLayer.close_channel`."""
        self._enter()
        if not self._has_no_members(channel):
            self._hub.close_channel(self._client, self._route(channel))

    def group_add(self, group: str, channel: str) -> None:
        """See `SyncLayer.group_add`."""
        self._enter()
        self._group_change(self._hub.group_add, group, channel)

    def group_discard(self, group: str, channel: str) -> None:
        """See `SyncLayer.group_discard`."""
        self._enter()
        self._group_change(self._hub.group_discard, group, channel)

    def flush(self) -> None:
        """Drop all that waits in this namespace; owners of inboxes get a ``layer.gap`` (LAY-103, LAY-104)."""
        self._enter()
        self._hub.flush(self._client)

    def statistics(self) -> dict[str, object]:
        """Return what this object did and saw since it opened (LAY-107)."""
        self._enter()
        return self._hub.statistics(self._client)

    def _close(self) -> None:
        self._hub.detach(self._client)


def open_memory(url: str, is_async: bool, **options: Any) -> MemoryLayer | SyncMemoryLayer:
    """Make a memory layer from ``memory://NAME?option=value`` (LAY-099). Called by `seaway.layers.open_layer`.

    Raises:
        ValueError: a URL with more than a name and options, or with an option that makes no sense.
        TypeError: an unknown option in *options*.
    """
    parts, from_url = split_url(url, MemoryOptions)
    if parts.path not in ("", "/") or parts.fragment:
        raise ValueError(f"{shown_url(url)!r}: expected memory://NAME, where NAME is letters, digits, '-', '_' or '.'")
    layer = MemoryLayer if is_async else SyncMemoryLayer
    return layer(**{"name": parts.netloc, **from_url, **options})


_hubs: dict[tuple[str, str], Hub] = {}
_hubs_lock = Lock()


def _attach(name: str, namespace: str, clock: Callable[[], float]) -> tuple[Hub, Client]:
    if not name:
        hub = Hub(clock)
        return hub, hub.attach()
    with _hubs_lock:
        # What waits in a hub outlives the objects that sent it; a hub without either is not missed.
        for key in [key for key, hub in _hubs.items() if hub.is_idle()]:
            del _hubs[key]
        hub = _hubs.setdefault((name, namespace), Hub(clock))
        return hub, hub.attach()


def _start_afresh() -> None:
    global _hubs_lock
    _hubs.clear()
    _hubs_lock = Lock()


# A forked child shares nothing with its parent, and the locks may be held by threads that it does not have.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_afresh)

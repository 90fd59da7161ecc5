"""The Redis layer in both flavours. See the page "Redis" of the documentation for what is at the broker.

Rules of this module: two thin shells over `seaway.layers.redis._engine`; a shell decides nothing.
"""

from __future__ import annotations

import weakref
from typing import Any

from anyio import CancelScope

from seaway.layers._waiters import Waiter, current_home
from seaway.layers.base import Layer, Message, Sources
from seaway.layers.flavours import AsyncLayer, SyncLayer
from seaway.layers.redis._asynchronous import AsyncEngine
from seaway.layers.redis._flush import flush
from seaway.layers.redis._jobs import Job
from seaway.layers.redis._settings import RedisOptions
from seaway.layers.redis._synchronous import SyncEngine, drive
from seaway.layers.redis._wire import Codec
from seaway.spec import check_group
from seaway.spec.names import MAX_NAME_LENGTH


class _Redis(Layer):
    """What both flavours share."""

    extensions = frozenset({"flush", "statistics"})
    _options_kind = RedisOptions
    _options: RedisOptions
    _asks = True
    _engine: Any

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        Codec(self._options.encryption_keys)  # a wrong key is told at once

    def _use(self, engine: AsyncEngine | SyncEngine) -> None:
        self._engine = engine
        self._take = engine.take
        self._take_or_wait = engine.take_or_wait
        weakref.finalize(self, engine.abandon).atexit = False
        engine.start()

    def _has_no_members(self, channel: str) -> bool:
        """Whether *channel* is evidently a local name of ours that is in no group: a server asks for every request."""
        if type(channel) is not str or len(channel) > MAX_NAME_LENGTH:
            return False
        inbox, mark, local = channel.partition("!")
        owned = self._engine.inboxes.get(inbox + mark)
        return owned is not None and local.isalnum() and local.isascii() and channel not in owned.groups_of


class RedisLayer(_Redis, AsyncLayer):
    """The asynchronous Redis layer, for asyncio (uvloop included) and trio.

    Args:
        options: see `RedisOptions` and `seaway.layers.base.Layer`.
    """

    _engine: AsyncEngine

    def _open(self) -> None:
        home = current_home()
        assert home is not None
        self._use(AsyncEngine(self._options, home))
        self._leave = self._engine.leave

    async def _ask(self, sources: Sources, waiter: Waiter, timeout: float | None) -> None:
        if timeout is None:
            self._engine.ask()
        else:
            await self._engine.look(sources, waiter, timeout)

    async def _recall(self, waiter: Waiter, is_cancelled: bool) -> None:
        if not is_cancelled:
            await self._engine.recall(waiter, self._engine.margin)
            return
        with CancelScope(shield=True):
            await self._engine.give_up(waiter)

    async def _aopen(self) -> None:
        await self._engine.call(Job([("TIME",)], self._engine.deadline(), again=True))

    async def send(self, channel: str, message: Message) -> None:
        """See `SyncLayer.send`."""
        self._enter()
        route = self._route(channel)
        job = self._engine.send_job(route, self._outgoing(message)[1])
        await self._engine.call(job)
        self._engine.count(job)

    async def send_group(self, group: str, message: Message) -> None:
        """See `SyncLayer.send_group`."""
        self._enter()
        check_group(group)
        await self._engine.to_group(group, self._outgoing(message)[1])

    async def new_channel(self, pattern: str) -> str:
        """See `SyncLayer.new_channel`."""
        self._enter()
        name = self._inbox_name(pattern)
        await self._engine.owner.new_inbox(name)
        return name

    async def close_channel(self, channel: str) -> None:
        """See `SyncLayer.close_channel`."""
        self._enter()
        if not self._has_no_members(channel):
            await self._engine.owner.close_channel(self._route(channel))

    async def group_add(self, group: str, channel: str) -> None:
        """See `SyncLayer.group_add`."""
        self._enter()
        check_group(group)
        await self._engine.owner.group_add(group, self._local_route(channel))

    async def group_discard(self, group: str, channel: str) -> None:
        """See `SyncLayer.group_discard`."""
        self._enter()
        check_group(group)
        await self._engine.owner.group_discard(group, self._local_route(channel))

    async def flush(self) -> None:
        """Drop all that waits in this namespace; owners of inboxes get a ``layer.gap`` (LAY-103, LAY-104)."""
        self._enter()
        await flush(self._engine)

    async def statistics(self) -> dict[str, object]:
        """Return what this object did and saw since it opened (LAY-107)."""
        self._enter()
        return self._engine.statistics()

    async def _aclose(self) -> None:
        try:
            await self._engine.owner.close()
        finally:
            await self._engine.stop()


class SyncRedisLayer(_Redis, SyncLayer):
    """The synchronous Redis layer, for threads. Arguments as for `RedisLayer`."""

    _engine: SyncEngine

    def _open(self) -> None:
        self._use(SyncEngine(self._options))
        self._leave = self._engine.leave_and_push

    def _ask(self, sources: Sources, waiter: Waiter, timeout: float | None) -> None:
        if timeout is None:
            self._engine.ask()
        else:
            drive(self._engine.look(sources, waiter, timeout))

    def _recall(self, waiter: Waiter, is_cancelled: bool) -> None:
        drive(self._engine.give_up(waiter) if is_cancelled else self._engine.recall(waiter, self._engine.margin))

    def _aopen(self) -> None:
        drive(self._engine.call(Job([("TIME",)], self._engine.deadline(), again=True)))

    def send(self, channel: str, message: Message) -> None:
        """See `SyncLayer.send`."""
        self._enter()
        route = self._route(channel)
        job = self._engine.send_job(route, self._outgoing(message)[1])
        drive(self._engine.call(job))
        self._engine.count(job)

    def send_group(self, group: str, message: Message) -> None:
        """See `SyncLayer.send_group`."""
        self._enter()
        check_group(group)
        drive(self._engine.to_group(group, self._outgoing(message)[1]))

    def new_channel(self, pattern: str) -> str:
        """See `SyncLayer.new_channel`."""
        self._enter()
        name = self._inbox_name(pattern)
        drive(self._engine.owner.new_inbox(name))
        return name

    def close_channel(self, channel: str) -> None:
        """See `SyncLayer.close_channel`."""
        self._enter()
        if not self._has_no_members(channel):
            drive(self._engine.owner.close_channel(self._route(channel)))

    def group_add(self, group: str, channel: str) -> None:
        """See `SyncLayer.group_add`."""
        self._enter()
        check_group(group)
        drive(self._engine.owner.group_add(group, self._local_route(channel)))

    def group_discard(self, group: str, channel: str) -> None:
        """See `SyncLayer.group_discard`."""
        self._enter()
        check_group(group)
        drive(self._engine.owner.group_discard(group, self._local_route(channel)))

    def flush(self) -> None:
        """Drop all that waits in this namespace; owners of inboxes get a ``layer.gap`` (LAY-103, LAY-104)."""
        self._enter()
        drive(flush(self._engine))

    def statistics(self) -> dict[str, object]:
        """Return what this object did and saw since it opened (LAY-107)."""
        self._enter()
        return self._engine.statistics()

    def _close(self) -> None:
        try:
            drive(self._engine.owner.close())
        finally:
            self._engine.abandon()

    def _after_fork(self) -> None:
        super()._after_fork()
        engine = self.__dict__.get("_engine")
        if engine is not None:
            engine.is_forked = True

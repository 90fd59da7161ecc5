"""Inboxes, as far as the old interface has them: a family of process-local channels of one object.

Each name under an inbox is a channel that its owner has made with the old ``new_channel``, when the name is first
used; in an application the owner would make it, and tell. The owner receives on each as a consumer of Channels does:
one call of the old ``receive`` for each name, in a task of its own, that goes on until a message comes. When a call of
`LocalChannels.receive` is cancelled, those old calls are cancelled, and nothing else is; when it times out they go on,
for the old interface has no timeouts.
"""

from __future__ import annotations

import asyncio
import atexit
import itertools
import os
import re
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from attrs import Factory, define

Message = dict[str, Any]
NAMES = "SEAWAY_FOREIGN_NAMES"
"""The environment variable with the folder in which a process reads the old names that others have made."""

_GOOD = re.compile(r"[A-Za-z0-9._-]*")


@define(eq=False)
class _Inbox:
    """Attributes: ``base``: an old name, for what no owner would make; the others by our names."""

    base: str
    old_names: dict[str, str] = Factory(dict)
    receiving: dict[str, asyncio.Task[Message]] = Factory(dict)
    came: deque[str] = Factory(deque)
    changed: asyncio.Event = Factory(asyncio.Event)


class LocalChannels:
    """The inboxes of one object, and the names of those of others.

    Args:
        old: returns the old layer object.
    """

    _owners: ClassVar[dict[str, LocalChannels]] = {}
    """Of this process, by inbox."""

    _numbers: ClassVar[Iterator[int]] = itertools.count(1)

    def __init__(self, old: Callable[[], Any]) -> None:
        self._old = old
        self._inboxes: dict[str, _Inbox] = {}

    async def new_inbox(self) -> str:
        """Return the name of a new inbox."""
        made = await self._old().new_channel()
        inbox = f"{made.partition('!')[0]}.i{next(self._numbers)}!"
        self._inboxes[inbox] = _Inbox(made)
        self._owners[inbox] = self
        return inbox

    def owns(self, inbox: Any) -> bool:
        """Return whether *inbox* is one of this object's."""
        return isinstance(inbox, str) and inbox in self._inboxes

    async def old_name(self, channel: Any) -> Any:
        """Return the old name of *channel*, which its owner makes if it has not yet."""
        if not isinstance(channel, str) or "!" not in channel:
            return channel
        inbox = channel[: channel.index("!") + 1]
        owner = self._owners.get(inbox)
        if owner is not None:
            return await owner._made(inbox, channel)
        path = _noted(channel)
        return path.read_text(encoding="utf-8") if path.exists() else channel

    async def receive(self, inbox: str, timeout: float | None) -> tuple[str | None, Message | None]:
        """Return what has come for a name under *inbox*, in the order in which the old calls returned."""
        found = self._inboxes[inbox]
        deadline = None if timeout is None else asyncio.get_running_loop().time() + timeout
        try:
            async with asyncio.timeout_at(deadline):
                while not found.came:
                    self._begin(found)
                    found.changed.clear()
                    await found.changed.wait()
        except TimeoutError:
            return None, None
        except asyncio.CancelledError:
            await self._cancel(found)
            raise
        channel = found.came.popleft()
        return channel, found.receiving.pop(channel).result()

    async def close(self) -> None:
        """Cancel what still receives."""
        for inbox, found in self._inboxes.items():
            self._owners.pop(inbox, None)
            await self._cancel(found)

    async def _made(self, inbox: str, channel: str) -> str:
        found = self._inboxes[inbox]
        local = channel.removeprefix(inbox)
        if not _GOOD.fullmatch(local):
            return found.base + local
        if channel not in found.old_names:
            found.old_names[channel] = await self._old().new_channel()
            _noted(channel).write_text(found.old_names[channel], encoding="utf-8")
            found.changed.set()
        return found.old_names[channel]

    def _begin(self, found: _Inbox) -> None:
        for channel, old in found.old_names.items():
            if channel not in found.receiving:
                task = asyncio.ensure_future(self._old().receive(old))
                found.receiving[channel] = task
                task.add_done_callback(lambda done, channel=channel: self._ended(found, channel, done))

    def _ended(self, found: _Inbox, channel: str, task: asyncio.Task[Message]) -> None:
        if task.cancelled():
            del found.receiving[channel]
        else:
            task.exception()  # said to be seen, should nobody receive any more
            found.came.append(channel)
        found.changed.set()

    async def _cancel(self, found: _Inbox) -> None:
        tasks = [task for task in found.receiving.values() if not task.done()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def shared_names() -> None:
    """Make the folder of names that processes share, if this one was not told of one."""
    if NAMES not in os.environ:
        os.environ[NAMES] = tempfile.mkdtemp(prefix="seaway-foreign-")
        atexit.register(shutil.rmtree, os.environ[NAMES], ignore_errors=True)


def _noted(channel: str) -> Path:
    return Path(os.environ[NAMES]) / quote(channel, safe="")

"""The zoo's healthy layer: asynchronous, in one event loop, written to be read and to be broken.

It is also the suite's model of a layer: every rule of the specification in plain Python, nothing optimised.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections import Counter, deque
from collections.abc import Mapping
from copy import deepcopy
from math import inf
from secrets import token_hex
from types import TracebackType
from typing import Any, ClassVar

import anyio

from seaway.conformance.zoo.broker import Broker, Entry, Inbox, Message
from seaway.conformance.zoo.options import Options
from seaway.conformance.zoo.recovery import Recovery
from seaway.spec import RESERVED_PREFIXES, InvalidMessage, check_channel, check_group, inbox_of, normalise, to_json

OLD_NAMES = ("receive_async", "receive_many", "group_channels", "group_members", "group_send", "group_expiry")


class ChannelFull(Exception):  # noqa: N818 - the interface names it so
    """No room."""


class MessageTooLarge(Exception):  # noqa: N818 - the interface names it so
    """Too large."""


class ModelLayer(Recovery):
    """A layer object at *broker*."""

    is_async: ClassVar[bool] = True
    interface: ClassVar[str] = "1.0"
    extensions: frozenset[str] = frozenset({"flush", "statistics"})
    ChannelFull: type[Exception] = ChannelFull
    MessageTooLarge: type[Exception] = MessageTooLarge

    def __init__(self, broker: Broker, **options: Any) -> None:
        self.options = Options(**options)
        self.begin(broker)
        self.capacity = self.options.capacity
        self.expiry = self.options.expiry
        self.max_message_size = self.options.max_message_size
        self.closed = False
        self.counters: Counter[str] = Counter()
        self.own: dict[str, Inbox] = {}
        self.ended: set[str] = set()
        self.memberships: set[tuple[str, str]] = set()
        self.served: dict[str, int] = {}
        self._loop: object = None
        self._process = 0

    def __getattr__(self, name: str) -> Any:
        if name in OLD_NAMES:
            raise AttributeError(f"a layer has no {name!r} any more; the upgrade guide, part layers, has the new way")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    # What every call begins with

    def enter(self) -> None:
        """Refuse a closed object, a forked child and another event loop."""
        if self.closed:
            raise RuntimeError("the layer is closed (LAY-022)")
        self._process = self._process or os.getpid()
        if self._process != os.getpid():
            raise RuntimeError("the process was forked after the first use (LAY-026)")
        loop = anyio.lowlevel.current_token()
        self._loop = self._loop or loop
        if self._loop != loop:
            raise RuntimeError("the layer belongs to another event loop (LAY-025)")
        self.broker.layers.add(self)

    # Decisions

    def check_channel(self, channel: Any) -> None:
        """Refuse what is no channel name."""
        check_channel(channel)

    def check_group(self, group: Any) -> None:
        """Refuse what is no group name."""
        check_group(group)

    def check_message(self, message: Any) -> Message:
        """Return an isolated copy of *message* in base types."""
        copy = normalise(message)
        if copy["type"].startswith(tuple(prefix for prefix in RESERVED_PREFIXES if prefix != "bridge.")):
            raise InvalidMessage("type", "a type without reserved prefix", copy["type"], "MSG-021")
        if "reply_channel" in copy:
            raise ValueError("reply_channel: a consumer answers by send (LAY-101); see the upgrade guide")
        return copy

    def isolate(self, message: Message) -> Message:
        """Return a copy that shares nothing (LAY-094)."""
        return deepcopy(message)

    def size(self, message: Message) -> int:
        """Return the encoded size; `MessageTooLarge` above the limit."""
        size = len(json.dumps(to_json(message), ensure_ascii=False).encode())
        if size > self.max_message_size:
            raise self.MessageTooLarge(f"{size} bytes")
        return size

    def limit(self, globs: Mapping[str, Any], default: Any, channel: str) -> Any:
        """Return the value for *channel* of the first glob that matches (LAY-017)."""
        for glob, value in globs.items():
            pattern = re.escape(glob).replace(r"\*", ".*").replace(r"\?", ".")
            if re.fullmatch(pattern, channel):
                return value
        return default

    def deadline(self, channel: str | None) -> float:
        """Return when a message for *channel* expires; ``None``: for a group."""
        globs = self.options.channel_expiry if channel is not None else {}
        return self.broker.now() + float(self.limit(globs, self.options.expiry, channel or ""))

    # Sending

    async def send(self, channel: str, message: Message) -> None:
        """LAY-028."""
        self.enter()
        self.check_channel(channel)
        copy = self.check_message(message)
        size = self.size(copy)
        await anyio.lowlevel.checkpoint()
        self.reach()
        self.put(str(channel), copy, size)
        self.counters["sent"] += 1
        self.space.notify()
        self.answered()

    def put(self, channel: str, message: Message, size: int) -> None:
        """Put a message where *channel* leads."""
        entry = Entry(channel, message, self.deadline(channel), size, self, time.time())
        name = inbox_of(channel)
        if name is None:
            self.put_normal(channel, entry)
        elif (inbox := self.space.inboxes.get(name)) is None:
            self.counters["unknown"] += 1
        elif inbox.has_room(size):
            inbox.entries.append(entry)
        else:
            raise self.ChannelFull(channel)

    def put_normal(self, channel: str, entry: Entry) -> None:
        """Put an entry into a normal channel."""
        queue = self.space.channels.setdefault(channel, deque())
        self.drop_expired(queue)
        if len(queue) >= self.limit(self.options.channel_capacity, self.options.capacity, channel):
            raise self.ChannelFull(channel)
        queue.append(entry)

    def drop_expired(self, queue: deque[Entry]) -> None:
        """Drop what has expired in a normal channel (LAY-082, GAP-016), and what is rubbish."""
        self.without_rubbish(queue)
        for entry in [entry for entry in queue if entry.deadline <= self.broker.now()]:
            queue.remove(entry)
            self.counters["expired"] += 1

    async def send_group(self, group: str, message: Message) -> None:
        """GRP-007."""
        self.enter()
        self.check_group(group)
        copy = self.check_message(message)
        size = self.size(copy)
        await anyio.lowlevel.checkpoint()
        self.reach()
        for member in self.targets(group):
            self.put_member(member, self.isolate(copy), size)
        self.counters["sent"] += 1
        self.space.notify()
        self.answered()

    def targets(self, group: str) -> list[str]:
        """Return the channels in *group*."""
        return list(self.space.groups.get(group, ()))

    def put_member(self, member: str, message: Message, size: int) -> None:
        """Put a group message for one member; a full inbox counts it (LAY-086)."""
        inbox = self.space.inboxes[inbox_of(member) or ""]
        if inbox.has_room(size):
            inbox.entries.append(Entry(member, message, self.deadline(None), size))
        else:
            inbox.owner.counters["overflow"] += 1
            self.overflow(inbox, member)

    def overflow(self, inbox: Inbox, member: str) -> None:
        """Count a group message that found no room."""
        inbox.add_gap(inbox.entries, member, "overflow")

    # Receiving

    async def receive(self, channels: Any, timeout: Any = None) -> tuple[str | None, Message | None]:
        """LAY-039."""
        self.enter()
        names = self.check_sources(channels)
        self.check_timeout(timeout)
        inboxes = [self.own[name] for name in names if name in self.own]
        if any(inbox.reading for inbox in inboxes):
            raise RuntimeError("another receive waits for this inbox (LAY-052)")
        for inbox in inboxes:
            inbox.reading = True
        try:
            return await self.wait(names, inf if timeout is None else anyio.current_time() + timeout)
        finally:
            for inbox in inboxes:
                inbox.reading = False

    async def wait(self, names: list[str], deadline: float) -> tuple[str | None, Message | None]:
        """Return the next message, when there is one, or nothing at *deadline*."""
        await anyio.lowlevel.checkpoint()
        while True:
            self.check_open(names)
            if (found := self.find(names)) is not None:
                return found
            if (left := deadline - anyio.current_time()) <= 0:
                return None, None
            await self.space.change(left)

    def find(self, names: list[str]) -> tuple[str, Message] | None:
        """Return what there is to give, with the broker or without."""
        if not self.is_reachable:
            return self.told_at_once(names)
        self.look()
        return self.take(names)

    def check_open(self, names: list[str]) -> None:
        """Refuse when the object or one of its inboxes was closed."""
        if self.closed:
            raise RuntimeError("the layer was closed (LAY-023)")
        if any(name.endswith("!") and name not in self.own for name in names):
            raise RuntimeError("the inbox was closed (LAY-072)")

    def check_sources(self, channels: Any) -> list[str]:
        """Return the names to receive from."""
        if not isinstance(channels, (list, tuple)) or not channels:
            raise ValueError("expected a list of channels (LAY-044, LAY-045)")
        for channel in channels:
            self.check_channel(channel)
            if "!" in channel and channel not in self.own:
                raise ValueError(f"{channel!r} is not an inbox of this object (LAY-046, LAY-047)")
        return list(dict.fromkeys(channels))

    def check_timeout(self, timeout: Any) -> None:
        """Refuse a timeout that makes no sense."""
        if timeout is not None and (type(timeout) not in (int, float) or not timeout >= 0):
            raise ValueError(f"timeout {timeout!r} (LAY-048)")

    def take(self, names: list[str]) -> tuple[str, Message] | None:
        """Take the next message, from the source that has waited longest for its turn (LAY-055)."""
        for name in sorted(names, key=lambda name: self.served.get(name, 0)):
            entry = self.pop_inbox(self.own[name]) if name in self.own else self.pop_normal(name)
            if entry is not None:
                self.served[name] = max(self.served.values(), default=0) + 1
                self.counters["received"] += bool(entry.size)
                if name not in self.own:
                    self.space.handed.append((name, entry))
                return entry.channel, self.isolate(entry.message)
        return None

    def pop_normal(self, name: str) -> Entry | None:
        """Take the first message of a normal channel."""
        queue = self.space.channels.get(name, deque())
        self.drop_expired(queue)
        return queue.popleft() if queue else None

    def pop_inbox(self, inbox: Inbox) -> Entry | None:
        """Take the first message of an inbox."""
        inbox.expire(self.broker.now())
        return self.decoded(inbox, inbox.entries.popleft()) if inbox.entries else None

    # Inboxes

    async def new_channel(self, pattern: str) -> str:
        """LAY-057."""
        self.enter()
        if not isinstance(pattern, str) or not re.fullmatch(r"[A-Za-z0-9._-]{1,115}!", pattern):
            raise ValueError(f"pattern {pattern!r} (LAY-058)")
        await anyio.lowlevel.checkpoint()
        self.reach()
        name = self.inbox_name(pattern[:-1])
        self.own[name] = Inbox(name, self, self.options.inbox_capacity, self.options.inbox_bytes)
        self.space.inboxes[name] = self.own[name]
        return name

    def inbox_name(self, name: str) -> str:
        """Return a fresh name."""
        return f"{name}.{token_hex(16)}!"

    async def close_channel(self, channel: str) -> None:
        """LAY-063."""
        self.enter()
        self.check_channel(channel)
        name = inbox_of(channel)
        if name not in self.own and name not in self.ended:
            raise ValueError(f"{channel!r} is not under an inbox of this object (LAY-063)")
        if channel == name:
            self.end_inbox(name)
        else:
            self.end_memberships(lambda member: member == channel)
        self.space.notify()

    def end_inbox(self, name: str) -> None:
        """End an inbox and all that belongs to it."""
        self.own.pop(name, None)
        self.ended.add(name)
        self.space.inboxes.pop(name, None)
        self.end_memberships(lambda member: inbox_of(member) == name)

    def end_memberships(self, ends: Any) -> None:
        """End the memberships of the channels for which *ends* is true."""
        for group, member in [pair for pair in self.memberships if ends(pair[1])]:
            self.leave(group, member)

    # Groups

    async def group_add(self, group: str, channel: str) -> None:
        """GRP-001."""
        self.enter()
        self.check_member(group, channel)
        await anyio.lowlevel.checkpoint()
        self.reach()
        self.join(str(group), str(channel))

    async def group_discard(self, group: str, channel: str) -> None:
        """GRP-005."""
        self.enter()
        self.check_member(group, channel)
        await anyio.lowlevel.checkpoint()
        self.reach()
        self.leave(str(group), str(channel))

    def check_member(self, group: Any, channel: Any) -> None:
        """Refuse what cannot be a member."""
        self.check_group(group)
        self.check_channel(channel)
        if inbox_of(channel) not in self.own or channel in self.own:
            raise ValueError(f"{channel!r} is not a channel under an inbox of this object (GRP-002)")

    def join(self, group: str, channel: str) -> None:
        """Make *channel* a member."""
        self.memberships.add((group, channel))
        self.space.groups.setdefault(group, {})[channel] = None

    def leave(self, group: str, channel: str) -> None:
        """End a membership, if there is one."""
        self.memberships.discard((group, channel))
        self.space.groups.get(group, {}).pop(channel, None)

    # Life

    async def close(self) -> None:
        """LAY-021."""
        if self._process not in (0, os.getpid()):
            return
        if not self.closed:
            for name in list(self.own):
                self.end_inbox(name)
        self.closed = True
        self.broker.layers.discard(self)
        self.space.notify()

    async def __aenter__(self) -> ModelLayer:
        self.enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def flush(self) -> None:
        """LAY-102."""
        self.enter()
        self.reach()
        for queue in self.space.channels.values():
            queue.clear()
        for inbox in self.space.inboxes.values():
            self.flush_inbox(inbox)
        self.space.notify()

    def flush_inbox(self, inbox: Inbox) -> None:
        """Drop what waits in an inbox, and say so (LAY-104)."""
        if inbox.entries:
            inbox.entries.clear()
            inbox.entries.append(inbox.gap(inbox.name, "lost", None))

    async def statistics(self) -> dict[str, Any]:
        """LAY-107."""
        self.enter()
        return {
            "sent": self.counters["sent"],
            "received": self.counters["received"],
            "dropped": {reason: self.counters[reason] for reason in ("overflow", "expired", "lost", "unknown")},
            "pending": sum(bool(entry.size) for inbox in self.own.values() for entry in inbox.entries),
            "reconnects": 0,
        }

"""What a namespace holds at its broker: which inboxes and whose, what waits, which groups. For operators.

Rules of this module: it reads, and changes nothing. What it returns is a picture of several moments, for the broker is
asked key by key while others go on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import attrs

from seaway.layers.redis._jobs import Job, Tag
from seaway.layers.redis._layer import SyncRedisLayer
from seaway.layers.redis._synchronous import drive
from seaway.layers.redis.keys import TAG, tag_in

_SCAN = 1000
StateT = TypeVar("StateT")


@attrs.frozen
class InboxState:
    """An inbox.

    Attributes:
        name: with its ``!``.
        owner: host and process of its owner, as far as it has said so.
        pending: messages that the owner has not taken.
        pending_bytes: their size, as encoded.
        dropped: group messages for which there was no room, that are not announced yet.
        lease: seconds after which it is gone, unless its owner prolongs it.
    """

    name: str
    owner: str
    pending: int
    pending_bytes: int
    dropped: int
    lease: float


@attrs.frozen
class ChannelState:
    """A normal channel that holds messages: *pending*, of which some may have expired."""

    name: str
    pending: int


@attrs.frozen
class GroupState:
    """A group: *inboxes* with members, and the seconds for which each stays one unless its owner prolongs it."""

    name: str
    inboxes: dict[str, float]


@attrs.frozen
class Snapshot:
    """What a namespace holds, each part in the order of names.

    Attributes:
        spoilt: keys in which stands something that the layer does not write.
    """

    inboxes: tuple[InboxState, ...]
    channels: tuple[ChannelState, ...]
    groups: tuple[GroupState, ...]
    spoilt: tuple[str, ...]


class _Looks:
    """The looks at one namespace, and which keys could not be understood."""

    def __init__(self, layer: SyncRedisLayer) -> None:
        self._layer = layer
        self._base = layer._engine.keys.base
        self.spoilt: list[str] = []

    def all(self, start: str, read: Callable[[str, str], StateT | None]) -> tuple[StateT, ...]:
        """Return what *read* makes of each key that begins with *start* and of its name without that, if anything."""
        start = self._base + start
        found: list[StateT] = []
        for key in _keys(self._layer, start):
            try:
                state = read(key, key[len(start) :])
            except ValueError:
                self.spoilt.append(key)
            else:
                found += [] if state is None else [state]
        return tuple(found)

    def inbox(self, key: str, name: str) -> InboxState | None:
        fields = self._ask(tag_in(key), ("HMGET", key, "an", "rn", "ab", "rb", "d", "by"))
        if fields == [None] * 6:
            return None  # it has gone since its name was read
        appended, taken, bytes_in, bytes_out, dropped = (int(field or 0) for field in fields[:5])
        return InboxState(
            name=name[:-1],
            owner=(fields[5] or b"").decode("utf-8", "replace"),
            pending=max(0, appended - taken),
            pending_bytes=max(0, bytes_in - bytes_out),
            dropped=dropped,
            lease=max(0, self._ask(tag_in(key), ("PTTL", key))) / 1000,
        )

    def channel(self, key: str, name: str) -> ChannelState | None:
        pending = self._ask(TAG, ("LLEN", key))
        return ChannelState(name, pending) if pending else None

    def group(self, key: str, name: str) -> GroupState | None:
        seconds, microseconds = self._ask(tag_in(key), ("TIME",))
        now = int(seconds) * 1000 + int(microseconds) // 1000
        pairs = self._ask(tag_in(key), ("ZRANGEBYSCORE", key, f"({now}", "+inf", "WITHSCORES"))
        members = {
            member.decode(): (float(score) - now) / 1000 for member, score in zip(pairs[::2], pairs[1::2], strict=True)
        }
        return GroupState(name[:-1], dict(sorted(members.items()))) if members else None

    def _ask(self, tag: Tag, command: tuple[Any, ...]) -> Any:
        return _ask(self._layer, tag, command)


def snapshot(layer: SyncRedisLayer) -> Snapshot:
    """Return what the namespace of *layer* holds at its broker.

    Args:
        layer: an open layer object. Its user needs the right to SCAN, HMGET, PTTL, ZRANGEBYSCORE, LLEN and TIME.

    Raises:
        ConnectionError: the broker cannot be reached, or refuses.
    """
    looks = _Looks(layer)
    inboxes = looks.all("m:{", looks.inbox)
    channels = looks.all(f"n:{{{TAG}}}", looks.channel)
    groups = looks.all("g:{", looks.group)
    return Snapshot(inboxes, channels, groups, tuple(looks.spoilt))


def _keys(layer: SyncRedisLayer, start: str) -> list[str]:
    """Return all keys that begin with *start*, sorted; SCAN, for a broker must not be held up."""
    found: set[str] = set()
    for node in drive(layer._engine.nodes()):
        cursor: Any = b"0"
        while cursor is not None:
            cursor, keys = _ask(layer, node, ("SCAN", cursor, "MATCH", f"{start}*", "COUNT", _SCAN))
            found |= {key.decode() for key in keys if key.isascii()}  # others are not ours
            cursor = cursor if int(cursor) else None
    return sorted(found)


def _ask(layer: SyncRedisLayer, tag: Tag, command: tuple[Any, ...]) -> Any:
    """Return the answer to *command*; ``ValueError`` if its key holds something else than the layer writes."""
    try:
        return drive(layer._engine.call(Job([command], layer._engine.deadline(), again=True, tag=tag))).replies[0]
    except ConnectionError as error:
        if "WRONGTYPE" in str(error):
            raise ValueError(str(error)) from None
        raise

"""What a namespace holds at its broker: which inboxes and whose, what waits, which groups. For operators.

Rules of this module: it reads, and changes nothing. What it returns is a picture of several moments, for the broker is
asked key by key while others go on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from seaway.layers.redis._jobs import Job, Tag
from seaway.layers.redis._layer import SyncRedisLayer
from seaway.layers.redis._synchronous import drive
from seaway.layers.redis.keys import TAG, tag_in

_SCAN = 1000


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
    """What a namespace holds, each part in the order of names."""

    inboxes: tuple[InboxState, ...]
    channels: tuple[ChannelState, ...]
    groups: tuple[GroupState, ...]


def snapshot(layer: SyncRedisLayer) -> Snapshot:
    """Return what the namespace of *layer* holds at its broker.

    Args:
        layer: an open layer object. Its user needs the right to SCAN, HMGET, PTTL, ZRANGEBYSCORE, LLEN and TIME.

    Raises:
        ConnectionError: the broker cannot be reached, or refuses.
    """
    base = layer._engine.keys.base
    return Snapshot(
        inboxes=tuple(_inboxes(layer, base)),
        channels=tuple(_channels(layer, f"{base}n:{{{TAG}}}")),
        groups=tuple(_groups(layer, base)),
    )


def _inboxes(layer: SyncRedisLayer, base: str) -> Iterator[InboxState]:
    for key in _keys(layer, f"{base}m:{{"):
        fields = _ask(layer, tag_in(key), ("HMGET", key, "an", "rn", "ab", "rb", "d", "by"))
        if fields[0] is None:
            continue  # it has gone since its name was read
        appended, taken, bytes_in, bytes_out, dropped = (int(field or 0) for field in fields[:5])
        yield InboxState(
            name=key[len(f"{base}m:{{") : -1],
            owner=(fields[5] or b"").decode("utf-8", "replace"),
            pending=max(0, appended - taken),
            pending_bytes=max(0, bytes_in - bytes_out),
            dropped=dropped,
            lease=max(0, _ask(layer, tag_in(key), ("PTTL", key))) / 1000,
        )


def _channels(layer: SyncRedisLayer, start: str) -> Iterator[ChannelState]:
    for key in _keys(layer, start):
        if pending := _ask(layer, TAG, ("LLEN", key)):
            yield ChannelState(key[len(start) :], pending)


def _groups(layer: SyncRedisLayer, base: str) -> Iterator[GroupState]:
    for key in _keys(layer, f"{base}g:{{"):
        seconds, microseconds = _ask(layer, tag_in(key), ("TIME",))
        now = int(seconds) * 1000 + int(microseconds) // 1000
        pairs = _ask(layer, tag_in(key), ("ZRANGEBYSCORE", key, f"({now}", "+inf", "WITHSCORES"))
        members = {
            name.decode(): (float(score) - now) / 1000 for name, score in zip(pairs[::2], pairs[1::2], strict=True)
        }
        if members:
            yield GroupState(key[len(f"{base}g:{{") : -1], dict(sorted(members.items())))


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
    job = drive(layer._engine.call(Job([command], layer._engine.deadline(), again=True, tag=tag)))
    reply = job.replies[0]
    if isinstance(reply, Exception):
        raise ConnectionError(f"the broker refuses {command[0]}: {reply}")
    return reply

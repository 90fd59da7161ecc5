"""What every channel layer has in common, whatever its backend and flavour.

Rules of this module: all decisions that need no backend live here, once, as plain methods of `Layer`: options,
names, capacity and expiry of a channel, what may be sent, the life of an object. `flavours` adds what differs
between asynchronous and synchronous: who may call, and how `receive` waits. A backend adds the rest.

`receive` stands on three functions of the backend that do no I/O and never wait: ``_take`` takes what is at hand,
``_take_or_wait`` else arms a waiter, ``_leave`` ends a waiter. Between a successful take and the return to the caller
nothing waits, so there is no place where a cancelled call could hold a message (LAY-075).
"""

from __future__ import annotations

import os
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from enum import Enum, auto
from math import isinf, isnan
from re import Pattern, escape
from re import compile as compile_pattern
from secrets import token_urlsafe
from typing import Any, ClassVar, TypeAlias

import attrs
import msgspec

from seaway.layers._options import Options, make_options
from seaway.layers._waiters import Waiter
from seaway.spec import RESERVED_PREFIXES, InvalidMessage, check_channel, check_group, inbox_of, normalise

Message = dict[str, Any]
Received = tuple[str, Message] | tuple[None, None]

_OLD_NAMES = {
    "receive_async": "await `receive` of an asynchronous layer (`is_async` is True)",
    "receive_twisted": "await `receive` of an asynchronous layer (`is_async` is True)",
    "receive_many": "call `receive(channels, timeout=None)`",
    "group_channels": "groups have no list of members; keep presence in a datastore",
    "group_members": "groups have no list of members; keep presence in a datastore",
    "group_send": "call `send_group(group, message)`",
    "group_expiry": "memberships do not expire; they end with their owner",
    "global_statistics": "call `statistics()`",
    "channel_statistics": "call `statistics()`",
}

_GUIDE = "see the section 'Channel layers' of the upgrade guide"

_CACHED_ROUTES = 16_384
_CACHED_SOURCES = 1024
_CACHED_TYPES = 1024
_MAX_INBOX_NAME = 150
_FORBIDDEN_PREFIXES = tuple(prefix for prefix in RESERVED_PREFIXES if prefix != "bridge.")

encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder().decode


class ChannelFull(Exception):  # noqa: N818 - the interface names it so
    """The channel, or the inbox it belongs to, has no room; the message was not sent (LAY-031)."""


def full(channel: str) -> ChannelFull:
    """Return the error for a *channel* without room."""
    return ChannelFull(f"{channel!r} is full; the message was not sent (LAY-031)")


class MessageTooLarge(Exception):  # noqa: N818 - the interface names it so
    """The encoded message is larger than ``max_message_size``; it was not sent (LAY-033)."""


@attrs.frozen(cache_hash=True)
class Route:
    """What a layer object has decided about one channel name: where it leads, and under which limits."""

    name: str
    inbox: str | None
    capacity: int
    expiry: float


Sources: TypeAlias = tuple[Route, ...]
"""Where a ``receive`` takes from."""


class State(Enum):
    """The life of a layer object: it only ever moves down this list."""

    NEW = auto()
    OPEN = auto()
    FORKED = auto()
    CLOSED = auto()


class Layer(ABC):
    """What both flavours share; they are `seaway.layers.flavours.AsyncLayer` and ``SyncLayer``.

    Args:
        options: see `Options`; an unknown one raises ``TypeError``, a senseless value ``ValueError``.

    Construction does no I/O and needs no event loop (LAY-016). A layer opens at its first use; closed, it stays
    closed (LAY-022).
    """

    interface: ClassVar[str] = "1.0"
    is_async: ClassVar[bool]
    extensions: frozenset[str] = frozenset()
    ChannelFull: type[Exception] = ChannelFull
    MessageTooLarge: type[Exception] = MessageTooLarge
    _options_kind: ClassVar[type[Options]] = Options
    _asks: bool = False
    """Whether only a broker knows what there is: a ``receive`` with a timeout, 0 included, has to ask it (LAY-043)."""

    _take: Callable[[Sources], tuple[str, Message] | None]
    """Take the next message, if one is at hand.

    Raises ``ValueError`` for a route that is an inbox of somebody else, or a channel under an inbox;
    ``RuntimeError`` when another ``receive`` waits for one of the inboxes, or this object was closed.
    """

    _take_or_wait: Callable[[Sources, Waiter], tuple[str, Message] | None]
    """Take the next message, if one is at hand; else arm the waiter.

    The waiter is the one of this very ``receive``, armed in an earlier round or not yet. Raises as `_take`, and
    ``RuntimeError`` for an inbox that was closed since the waiter was armed.
    """

    _leave: Callable[[Waiter], None]
    """End a waiter, whatever its state; if it had been woken for a message, wake the next in its place."""

    def __init__(self, **options: Any) -> None:
        self._options = make_options(self._options_kind, type(self).__name__, options)
        self._capacity_of = _Globs(self._options.channel_capacity, self._options.capacity)
        self._expiry_of = _Globs(self._options.channel_expiry, self._options.expiry)
        self._routes: dict[str, Route] = {}
        self._sources: dict[tuple[str, ...], Sources] = {}
        self._max_size = self._options.max_message_size
        self._state = State.NEW
        _alive.add(self)

    @property
    def capacity(self) -> int:
        """Messages that a normal channel holds, unless ``channel_capacity`` says otherwise for its name."""
        return self._options.capacity

    @property
    def expiry(self) -> float:
        """Seconds after which an unread message is dropped, unless ``channel_expiry`` says otherwise."""
        return self._options.expiry

    @property
    def max_message_size(self) -> int:
        """Bytes that a message may take, encoded in msgpack (LAY-033)."""
        return self._options.max_message_size

    def __getattr__(self, name: str) -> Any:
        # Reached only for names that do not exist.
        if name in _OLD_NAMES:
            raise AttributeError(f"a layer has no {name!r} any more: {_OLD_NAMES[name]}; {_GUIDE} (LAY-100)")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._state.name.lower()}>"

    @abstractmethod
    def _open(self) -> None:
        """Make ready for use, once, at the first call that needs it. Sets `_take`, `_take_or_wait`, `_leave`.

        They are attributes, so that the backend's own functions can be called without one of ours between.
        """

    # Decisions

    def _route(self, channel: str) -> Route:
        """Return what this object has decided about *channel*; ``ValueError`` if it is no channel name."""
        try:
            return self._routes[channel]
        except (KeyError, TypeError):  # TypeError: unhashable, so no str
            check_channel(channel)
        name = str.__str__(channel)
        route = Route(name, inbox_of(name), self._capacity_of(name), self._expiry_of(name))
        if len(self._routes) >= _CACHED_ROUTES:
            self._routes.clear()
        self._routes[name] = route
        return route

    def _sources_of(self, channels: list[str] | tuple[str, ...]) -> Sources:
        """Return the routes to receive from; ``ValueError`` unless *channels* is a list of channel names."""
        try:
            if type(channels) is list or type(channels) is tuple:
                return self._sources[tuple(channels)]
        except (KeyError, TypeError):  # TypeError: unhashable, so no str
            pass
        if not isinstance(channels, (list, tuple)) or not channels:
            raise ValueError(f"receive: expected a list of one or more channel names, got {channels!r} (LAY-044)")
        sources = tuple(dict.fromkeys(self._route(channel) for channel in channels))
        if len(self._sources) >= _CACHED_SOURCES:
            self._sources.clear()
        self._sources[tuple(channels)] = sources
        return sources

    def _local_route(self, channel: str) -> Route:
        route = self._route(channel)
        if route.inbox is None or route.inbox == route.name:
            raise ValueError(
                f"expected a process-local channel such as 'server.k3x9!17', got {channel!r} (GRP-002); "
                "what is not a channel of one's own is asked by message to join"
            )
        return route

    def _outgoing(self, message: Message) -> tuple[Message, bytes]:
        """Return an isolated copy of *message* and its encoding.

        Raises:
            ValueError: it breaks a requirement for messages, its type has a reserved prefix, or it has a
                ``reply_channel``.
            MessageTooLarge: its encoding has more bytes than ``max_message_size``.
        """
        if type(message) is dict and "reply_channel" in message:
            raise ValueError(
                "a message has a 'type' and no 'reply_channel' any more: a consumer answers its client by `send`, and "
                f"another channel by a name in a key of your own; {_GUIDE} (LAY-101)"
            )
        copy = normalise(message)
        if copy["type"] not in _free_types:
            _check_free_type(copy["type"])
        encoded = encode(copy)
        if len(encoded) > self._max_size:
            raise MessageTooLarge(
                f"message {copy['type']!r} has {len(encoded)} bytes, max_message_size is {self._max_size} (LAY-033)"
            )
        return copy, encoded

    def _inbox_name(self, pattern: str) -> str:
        """Return a fresh name for an inbox after *pattern*, such as ``"server!"``."""
        name = pattern[:-1] if isinstance(pattern, str) else ""
        try:
            check_group(name)  # exactly one "!", and that at the end
        except ValueError:
            name = ""
        inbox = f"{name}.{token_urlsafe(12)}!"
        if not name or not pattern.endswith("!") or len(inbox) > _MAX_INBOX_NAME:
            raise ValueError(
                f"new_channel: expected a name and '!', such as 'server!', at most {_MAX_INBOX_NAME} characters "
                f"with its random part, got {pattern!r} (LAY-058)"
            )
        return inbox

    # Life

    def _begin(self) -> None:
        """Open at the first use; refuse a closed object or one that a fork has copied."""
        if self._state is State.NEW:
            self._open()
            self._state = State.OPEN
        elif self._state is State.CLOSED:
            raise self._closed_error()
        elif self._state is State.FORKED:
            raise RuntimeError(
                f"this {type(self).__name__} was in use before the process was forked; "
                "make a new one in the child process (LAY-026)"
            )

    def _closed_error(self) -> RuntimeError:
        return RuntimeError(f"this {type(self).__name__} is closed; make a new one (LAY-022)")

    def _after_fork(self) -> None:
        if self._state is State.OPEN:
            self._state = State.FORKED


class _Globs:
    """A value for each channel name: that of the first glob pattern that matches, else the default (LAY-017)."""

    __slots__ = ("_default", "_patterns")

    def __init__(self, values: Mapping[str, Any], default: Any) -> None:
        self._patterns: list[tuple[Pattern[str], Any]] = [
            (compile_pattern(escape(glob).replace(r"\*", ".*").replace(r"\?", ".")), value)
            for glob, value in values.items()
        ]
        self._default = default

    def __call__(self, channel: str) -> Any:
        for pattern, value in self._patterns:
            if pattern.fullmatch(channel):
                return value
        return self._default


# Types that have been checked. Programs use few; the bound keeps one that makes them up from filling the memory.
_free_types: set[str] = set()


def _check_free_type(type_: str) -> None:
    if type_.startswith(_FORBIDDEN_PREFIXES):
        raise InvalidMessage(
            "type", "a type without a reserved prefix: those are the interface's own", repr(type_), "MSG-021"
        )
    if len(_free_types) < _CACHED_TYPES:
        _free_types.add(type_)


def check_timeout(timeout: Any) -> float | None:
    """Return *timeout* in seconds, ``None`` for ever; ``ValueError`` unless it is a number of 0 or more (LAY-048)."""
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or isnan(timeout) or timeout < 0:
        raise ValueError(f"receive: expected a timeout of None or of 0 or more seconds, got {timeout!r} (LAY-048)")
    return None if isinf(timeout) else float(timeout)


_alive: weakref.WeakSet[Layer] = weakref.WeakSet()


def _mark_forked() -> None:
    for layer in list(_alive):
        layer._after_fork()


# Marking the copies in the child costs nothing on any call; comparing process ids would, on every one.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_mark_forked)

"""How the suite makes objects of Channels' layers: ``--layer=seaway.conformance.foreign.harness:InMemory``."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from seaway.conformance.foreign.adapter import ForeignError, ForeignLayer
from seaway.conformance.harness import LayerHarness

INSTALL = "install channels and channels_redis"
OLD_OPTIONS = frozenset({"capacity", "channel_capacity", "expiry"})
"""Keywords of LAY-013 that the old layers have too."""

OTHER_OPTIONS = frozenset(
    {"channel_expiry", "lease", "max_message_size", "inbox_capacity", "inbox_bytes", "send_deadline"}
)
"""Keywords that the old layers have not: not given to them."""

REDIS = "SEAWAY_FOREIGN_REDIS"
"""The environment variable with the URL of Redis; absent: its default port on this machine."""


class _Foreign(LayerHarness):
    flavours = ("async",)
    event_loops = ("asyncio",)
    shared: bool | None = True
    processes: bool | None = False

    def __init__(self, **options: Any) -> None:
        self.options = options

    def make(self, *, is_async: bool, **options: Any) -> ForeignLayer:
        """See `LayerHarness.make`."""
        given = {**self.options, **options}
        full: type[Exception] = imported("channels.exceptions").ChannelFull
        return ForeignLayer(lambda: self.old(given), full, given)

    def old(self, options: dict[str, Any]) -> Any:
        """Return an object of the old layer."""
        raise NotImplementedError


class InMemory(_Foreign):
    """``channels.layers.InMemoryChannelLayer``: an object shares with nobody, so none has a peer."""

    shared = False

    def old(self, options: dict[str, Any]) -> Any:
        """See `_Foreign.old`."""
        return imported("channels.layers").InMemoryChannelLayer(**_kept(options))


class _Redis(_Foreign):
    processes = True

    def old(self, options: dict[str, Any]) -> Any:
        """See `_Foreign.old`."""
        prefix = options.get("namespace") or "asgi"
        return self.layer_class()(
            hosts=[os.environ.get(REDIS, "redis://127.0.0.1:6379")], prefix=prefix, **_kept(options)
        )

    def layer_class(self) -> Callable[..., Any]:
        """Return the class of the old layer."""
        raise NotImplementedError


class Core(_Redis):
    """``channels_redis.core.RedisChannelLayer``."""

    def layer_class(self) -> Callable[..., Any]:
        """See `_Redis.layer_class`."""
        found: Callable[..., Any] = imported("channels_redis.core").RedisChannelLayer
        return found


class PubSub(_Redis):
    """``channels_redis.pubsub.RedisPubSubChannelLayer``, which takes ``capacity`` and ``expiry`` and ignores them."""

    def layer_class(self) -> Callable[..., Any]:
        """See `_Redis.layer_class`."""
        found: Callable[..., Any] = imported("channels_redis.pubsub").RedisPubSubChannelLayer
        return found


def imported(module: str) -> Any:
    """Return a module of a foreign package.

    Raises:
        ForeignError: it is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ForeignError(f"{module} is missing: {INSTALL}") from error


def versions() -> dict[str, str]:
    """Return the versions of the foreign packages."""
    found = {}
    for package in ("channels", "channels_redis", "redis"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _kept(options: dict[str, Any]) -> dict[str, Any]:
    unknown = options.keys() - OLD_OPTIONS - OTHER_OPTIONS - {"namespace"}
    if unknown:
        raise TypeError(f"unknown option {sorted(unknown)[0]!r}")
    return {name: value for name, value in options.items() if name in OLD_OPTIONS}

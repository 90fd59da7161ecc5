"""Every asynchronous test runs on asyncio, uvloop and trio; what both flavours promise, in all five forms."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from itertools import count
from typing import Any
from uuid import uuid4

import anyio
import pytest

from seaway.conformance.brokers import Server
from seaway.layers import MemoryLayer, SyncMemoryLayer, to_async, to_sync
from seaway.layers.redis import RedisLayer, SyncRedisLayer
from seaway.layers.redis.keys import Keys

BACKENDS = [
    pytest.param(("asyncio", {"use_uvloop": False}), id="asyncio"),
    pytest.param(("asyncio", {"use_uvloop": True}), id="uvloop"),
    pytest.param(("trio", {}), id="trio"),
]

_hub_names = count()


THREADS = ("asyncio", {"use_uvloop": False}, "threads")
"""The synchronous layer, whose calls run in threads, on a loop of which it knows nothing."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What is said of the Redis layer is said of both flavours, unless it is about an event loop."""
    names = metafunc.fixturenames
    if "anyio_backend" in names:
        is_in_threads_too = "redis" in names and "redis_in_a_loop" not in names
        forms = [*BACKENDS, pytest.param(THREADS, id="threads")] if is_in_threads_too else BACKENDS
        metafunc.parametrize("anyio_backend", forms, indirect=True)


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param[:2]


class Clock:
    """A monotonic clock that moves only when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hub_name() -> str:
    """A hub that no other test knows."""
    return f"test-{next(_hub_names)}"


MEMBERS = (
    *("send", "receive", "new_channel", "close_channel", "group_add", "group_discard", "send_group", "close"),
    *("flush", "statistics", "extensions", "capacity", "expiry", "max_message_size", "ChannelFull", "MessageTooLarge"),
)


class Foreign:
    """A synchronous layer that is not built on our base: nothing but the interface."""

    is_async = False
    interface = "1.0"

    def __init__(self, layer: SyncMemoryLayer) -> None:
        for name in MEMBERS:
            setattr(self, name, getattr(layer, name))


FORMS: dict[str, Callable[..., Any]] = {
    "async": MemoryLayer,
    "sync": SyncMemoryLayer,
    "to_sync": lambda **options: to_sync(MemoryLayer(**options)),
    "to_async": lambda **options: to_async(SyncMemoryLayer(**options)),
    "to_async_foreign": lambda **options: to_async(Foreign(SyncMemoryLayer(**options))),
}


class Caller:
    """A layer of any form whose methods are awaited: those of a synchronous one run in a worker thread."""

    def __init__(self, layer: Any) -> None:
        self.layer = layer

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.layer, name)
        if self.layer.is_async or not callable(method) or isinstance(method, type):
            return method

        async def call(*arguments: Any, **options: Any) -> Any:
            return await anyio.to_thread.run_sync(partial(method, *arguments, **options))

        return call


@pytest.fixture(params=list(FORMS))
async def make(
    request: pytest.FixtureRequest, anyio_backend: Any, clock: Clock, hub_name: str
) -> AsyncIterator[Callable[..., Caller]]:
    """Makes layer objects on one hub, with a clock of the test's own, in every form; closes them at the end."""
    made: list[Caller] = []

    def make_layer(form: str = request.param, **options: Any) -> Caller:
        caller = Caller(FORMS[form](**{"name": hub_name, "clock": clock, **options}))
        made.append(caller)
        return caller

    yield make_layer
    for caller in made:
        await caller.close()


@pytest.fixture
def times() -> Callable[[int, int], int]:
    """Returns the first number in CI, and the second in a run with ``SEAWAY_FAULTS=large``."""
    is_large = os.environ.get("SEAWAY_FAULTS") == "large"
    return lambda small, large: large if is_large else small


@pytest.fixture(scope="session")
def broker() -> Iterator[Server]:
    """A Valkey that nobody kills, freezes or flushes."""
    with Server() as server:
        yield server


class Redis:
    """Makes layer objects over Redis in one namespace, at *port* unless they are told otherwise.

    A machine that is busy is no broker that is away: they have more time than by default.
    """

    def __init__(self, port: int, is_async: bool) -> None:
        self.is_async = is_async
        self.namespace = uuid4().hex
        self.keys = Keys("seaway:", self.namespace)
        self.made: list[Any] = []
        self._port = port

    def layer(self, **options: Any) -> Any:
        if not self.is_async:
            return to_async(self.sync_layer(**options))
        self.made.append(
            RedisLayer(**{"port": self._port, "namespace": self.namespace, "send_deadline": 20, **options})
        )
        return self.made[-1]

    @staticmethod
    def engine(layer: Any) -> Any:
        """Return what is inside of an open *layer* of either flavour; ``None`` if it is not open."""
        return vars(vars(layer).get("_layer", layer)).get("_engine")

    def sync_layer(self, **options: Any) -> SyncRedisLayer:
        self.made.append(
            SyncRedisLayer(**{"port": self._port, "namespace": self.namespace, "send_deadline": 20, **options})
        )
        return self.made[-1]  # type: ignore[no-any-return]


@pytest.fixture
async def redis(request: pytest.FixtureRequest, broker: Server, anyio_backend: Any) -> AsyncIterator[Redis]:
    """See `Redis`; closes what was made at the end."""
    redis = Redis(broker.port, request.node.callspec.params["anyio_backend"] is not THREADS)
    yield redis
    for layer in redis.made:
        closing = layer.close()
        if layer.is_async:
            await closing


@pytest.fixture
def redis_in_a_loop(redis: Redis) -> Redis:
    """`redis`, for what threads do not know: a call under way that is cancelled."""
    return redis

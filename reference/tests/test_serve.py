"""`serve` in the process that calls it: what it raises, and what it leaves behind."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from seaway.layers import MemoryLayer
from seaway.reference import Server, StartupFailed, serve

BACKENDS = ["asyncio", "trio"]


def failing(type: str, layer: Any, channel: str, send: Any) -> Any:
    raise LookupError("no water")


failing.types = ("lifespan",)  # type: ignore[attr-defined]


def idle(type: str, layer: Any, channel: str, send: Any) -> Any:
    async def consumer(message: Any) -> None: ...

    return consumer


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_failed_start_is_raised_as_itself_with_its_cause(backend: str) -> None:
    """LIF-009: not wrapped into a group."""
    with pytest.raises(StartupFailed) as raised:
        serve(failing, port=0, backend=backend)

    assert isinstance(raised.value.__cause__, LookupError)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_layer_is_closed_at_the_end(backend: str) -> None:
    closed: list[bool] = []

    class Layer(MemoryLayer):
        async def close(self) -> None:
            await super().close()
            closed.append(True)

    def stop(server: Server) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    serve(idle, layer=Layer(), port=0, backend=backend, started=stop)

    assert closed == [True]

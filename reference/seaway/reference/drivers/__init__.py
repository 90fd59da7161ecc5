"""Drivers know sockets, tasks and clocks; protocols and runners know only the hooks of `Runtime`."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from typing import Any

from .runtime import Runtime

__all__ = ["Runtime", "asyncio_options", "loop_options", "new_runtime"]


def new_runtime(threads: int) -> Runtime:
    """The hooks of the event loop that runs: asyncio (uvloop is one) or trio. `threads`: of the worker pool."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        from .trio_driver import TrioRuntime

        return TrioRuntime(threads)
    from .asyncio_driver import AsyncioRuntime

    return AsyncioRuntime(threads)


def asyncio_options() -> dict[str, Any]:
    """The options of anyio's asyncio backend: uvloop if it is installed."""
    return {"use_uvloop": find_spec("uvloop") is not None}


def loop_options(backend: str | None) -> tuple[str, dict[str, Any]]:
    """The backend of anyio's, and its options, for `"asyncio"`, `"uvloop"`, `"trio"` or None: the fastest there is."""
    if backend is None:
        return "asyncio", asyncio_options()
    return ("trio", {}) if backend == "trio" else ("asyncio", {"use_uvloop": backend == "uvloop"})

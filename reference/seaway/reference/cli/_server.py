"""What ``seaway serve`` and ``seaway demo`` share: run a server, and say in one line what stands in its way."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Literal

import click

from seaway.layers import MemoryLayer, open_layer, shown_url
from seaway.reference.checking import checked, checked_layer
from seaway.reference.core import check_interface
from seaway.reference.lifespan import LifespanFailed
from seaway.reference.server import Server, serve
from seaway.reference.settings import Settings

__all__ = ["BACKENDS", "BACKEND_HELP", "Backend", "run"]

Backend = Literal["asyncio", "uvloop", "trio"]
BACKENDS: Sequence[Backend] = ("asyncio", "uvloop", "trio")
BACKEND_HELP = "The event loop.  [default: uvloop if it is installed, else asyncio]"


def run(
    application: Any,
    *,
    layer: str | None = None,
    host: str = "127.0.0.1",
    port: int = 8000,
    uds: str | None = None,
    backend: Backend | None = None,
    settings: Settings | None = None,
    started: Callable[[Server], None] | None = None,
    check: bool = False,
) -> None:
    """Serve until a signal. The arguments are those of `serve`; *layer* is a URL, None a memory layer.

    - *check*: application, server and layer are checked while they run, see `seaway.reference.checking`.

    Raises:
        click.ClickException: the address or the layer cannot be had, or the application has failed.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(message)s")
    opened = None if layer is None else _open(layer)
    if check:
        application, opened = checked(application), checked_layer(opened or MemoryLayer())
    where = uds or f"{host}:{port}"
    try:
        serve(
            application,
            layer=opened,
            host=host,
            port=port,
            uds=uds,
            settings=settings or Settings(),
            backend=backend,
            started=started,
        )
    except LifespanFailed as error:
        raise click.ClickException(f"{error}; its traceback is above") from error
    except ConnectionError as error:
        raise click.ClickException(f"the layer {shown_url(layer or '')} has no broker: {error}") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise click.ClickException(f"cannot listen on {where}: {reason}; give another address") from error


def _open(url: str) -> Any:
    try:
        layer = open_layer(url)
        check_interface(layer)
        return layer
    except (ValueError, TypeError, ImportError) as error:
        raise click.ClickException(f"--layer {shown_url(url)}: {error}") from error

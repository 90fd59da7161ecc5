"""``seaway serve module:application``."""

from __future__ import annotations

import importlib
import os
import re
import sys
import traceback
from importlib.util import find_spec
from typing import Any

import click

from seaway.reference.cli._server import BACKEND_HELP, BACKENDS, Backend, run
from seaway.reference.cli._settings import with_settings
from seaway.reference.settings import Settings

__all__ = ["serve"]

_is_origin = re.compile(r"\*|null|[a-z][a-z0-9+.-]*://[^/?#\s]+").fullmatch


@click.command()
@click.argument("application", metavar="MODULE:APPLICATION")
@click.option(
    "--layer",
    metavar="URL",
    help="The channel layer, such as memory://NAME, or the dotted path of a class.  [default: a memory layer]",
)
@click.option("--backend", type=click.Choice(BACKENDS), help=BACKEND_HELP)
@click.option("--host", metavar="ADDRESS", help="The address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="The port, 0 for a free one.  [default: 8000]")
@click.option("--uds", metavar="PATH", help="A Unix socket to listen on, instead of an address.")
@click.option(
    "--grace",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    default=Settings().grace,
    show_default=True,
    help="How long connections may take to end when the server stops.",
)
@click.option(
    "--allow-origin",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="An origin, such as https://example.org, whose pages may open WebSockets here, beside the server's own; "
    "* is all. May be given more than once.",
)
@click.option(
    "--set",
    "pairs",
    multiple=True,
    metavar="NAME=VALUE",
    help="A limit (a count or bytes) or a time-out (seconds), such as send_timeout=5 or mailbox.layer_messages=50. "
    "May be given more than once.",
)
@click.option("--access-log/--no-access-log", default=True, show_default=True, help="Log each request.")
@click.option("--check", is_flag=True, help="Log what breaks the specification, with its requirement. Slow.")
def serve(
    application: str,
    layer: str | None,
    backend: Backend | None,
    host: str | None,
    port: int | None,
    uds: str | None,
    grace: float,
    origins: tuple[str, ...],
    pairs: tuple[str, ...],
    access_log: bool,
    check: bool,
) -> None:
    """Serve an application: a consumer class, a router, or any callable that makes consumers.

    MODULE is imported from the current directory or as it is installed. SIGTERM and SIGINT let connections
    end; a second one ends them at once.

    \b
    Examples:
      seaway serve example:application
      seaway serve chat.app:router --port 8080 --allow-origin https://example.org
      seaway serve example:application --uds /run/example.sock --backend trio
      seaway serve example:application --set max_consumers=500 --set header_timeout=5
      seaway serve example:application --check
    """
    if uds is not None and (host is not None or port is not None):
        raise click.UsageError("--uds is instead of --host and --port")
    for origin in origins:
        if not _is_origin(origin):
            raise click.UsageError(f"--allow-origin {origin}: expected scheme://host[:port] without a path, null, or *")
    if backend is not None and find_spec(backend) is None:
        extra = "speed" if backend == "uvloop" else backend
        raise click.ClickException(f"--backend {backend} is not installed: pip install 'seaway[{extra}]'")
    run(
        load(application),
        layer=layer,
        backend=backend,
        host="127.0.0.1" if host is None else host,
        port=8000 if port is None else port,
        uds=uds,
        settings=with_settings(Settings(grace=grace, allowed_origins=frozenset(origins), access_log=access_log), pairs),
        check=check,
    )


def load(target: str) -> Any:
    """Return the application named by ``module:attribute``, looked for in the current directory first.

    Raises:
        click.ClickException: *target* has another form, or it cannot be imported, or is no callable. The text
            says where the import failed.
    """
    module_name, colon, attribute = target.partition(":")
    if not (module_name and colon and attribute):
        raise click.ClickException(f"{target!r}: expected MODULE:APPLICATION, such as example:application")
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:
        raise click.ClickException(f"cannot import {module_name!r}: {_where(error)}") from error
    try:
        for name in attribute.split("."):
            found = getattr(found, name)
    except AttributeError as error:
        raise click.ClickException(f"{target!r}: {error}") from error
    if not callable(found):
        raise click.ClickException(f"{target!r} is {type(found).__name__}: expected a callable that makes consumers")
    return found


def _where(error: Exception) -> str:
    """Return what happened and, if it was in a file of the user's, where."""
    text = f"{type(error).__name__}: {error}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename not in (__file__, importlib.__file__) and "<frozen" not in frame.filename
    ]
    return f"{text} ({frames[-1].filename}, line {frames[-1].lineno})" if frames else text

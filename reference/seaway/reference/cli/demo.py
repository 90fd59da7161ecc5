"""``seaway demo``: the demo application, served and shown in a browser."""

from __future__ import annotations

import threading
import webbrowser

import click

from seaway.reference.cli._server import BACKEND_HELP, BACKENDS, Backend, run
from seaway.reference.server import Server
from seaway.reference.settings import Settings

__all__ = ["demo"]


@click.command()
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="The port, 0 for a free one."
)
@click.option("--backend", type=click.Choice(BACKENDS), help=BACKEND_HELP)
@click.option("--browser/--no-browser", default=True, show_default=True, help="Open the page in a browser.")
def demo(host: str, port: int, backend: Backend | None, browser: bool) -> None:
    """Serve a chat room with a live poll, and open it in a browser.

    It needs no network, no broker and no configuration. Open it twice and talk to yourself; stop it, start it
    again, and see the pages come back.

    \b
    Examples:
      seaway demo
      seaway demo --no-browser --port 0
    """
    from seaway.reference.demo.app import application

    def started(server: Server) -> None:
        click.echo(f"The demo is at {server.url}/ (Ctrl-C stops it)")
        if browser:
            # A browser that runs in the terminal returns only when it is left, and this is the server's loop.
            threading.Thread(target=_show, args=[f"{server.url}/"], daemon=True).start()

    settings = Settings(access_log=False, grace=2.0)
    run(application, host=host, port=port, backend=backend, settings=settings, started=started)


def _show(url: str) -> None:
    if not webbrowser.open(url):
        click.echo("No browser could be started here: open that address in one.")

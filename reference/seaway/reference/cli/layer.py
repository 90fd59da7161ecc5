"""``seaway layer``: what a layer holds at its broker, and how to be rid of it."""

from __future__ import annotations

import json

import click
from attrs import asdict
from rich.console import Console
from rich.table import Table

from seaway.layers import SyncLayer, open_layer, shown_url
from seaway.layers.redis import SyncRedisLayer
from seaway.layers.redis.inspect import Snapshot, snapshot

__all__ = ["layer"]

FILE_WIDTH = 120


@click.group()
def layer() -> None:
    """Look at a layer from outside: what waits there, who owns which inbox, which groups there are.

    URL names a layer over a broker, such as redis://127.0.0.1:6379/0?namespace=chat.
    """


@layer.command()
@click.argument("url")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of tables.")
def inspect(url: str, as_json: bool) -> None:
    """Print what the namespace of URL holds at its broker. Nothing is changed.

    \b
    Example:
      seaway layer inspect "redis://127.0.0.1/?namespace=chat"
    """
    found = _snapshot(url)
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2))
    else:
        _show(found)


@layer.command()
@click.argument("url")
@click.option("--yes", is_flag=True, help="Do not ask.")
def flush(url: str, yes: bool) -> None:
    """Drop all messages that wait in the namespace of URL.

    Consumers that live get layer.gap, and stay in their groups.
    """
    if not yes:
        click.confirm(f"Drop all that waits at {shown_url(url)}?", abort=True)
    opened = _opened(url)
    if "flush" not in opened.extensions:
        raise click.ClickException(f"{shown_url(url)}: this layer does not have the extension 'flush'")
    try:
        with opened:
            opened.flush()
    except ConnectionError as error:
        raise click.ClickException(f"{shown_url(url)}: {error}") from None


def _opened(url: str) -> SyncLayer:
    try:
        return open_layer(url, is_async=False)
    except (ValueError, TypeError) as error:
        raise click.ClickException(str(error)) from None


def _snapshot(url: str) -> Snapshot:
    opened = _opened(url)
    if not isinstance(opened, SyncRedisLayer):
        raise click.ClickException(
            f"{shown_url(url)}: expected a layer over Redis or Valkey; "
            "what another layer holds cannot be seen from outside"
        )
    try:
        with opened:
            return snapshot(opened)
    except ConnectionError as error:
        raise click.ClickException(f"{shown_url(url)}: {error}") from None


def _show(found: Snapshot) -> None:
    console = Console()
    if not console.is_terminal:
        console.width = FILE_WIDTH
    inboxes = Table("inbox", "owner", "messages", "bytes", "dropped", "lease", title="Inboxes")
    for inbox in found.inboxes:
        counts = (inbox.pending, inbox.pending_bytes, inbox.dropped)
        inboxes.add_row(inbox.name, inbox.owner or "unknown", *map(str, counts), _seconds(inbox.lease))
    channels = Table("channel", "messages", title="Normal channels")
    for channel in found.channels:
        channels.add_row(channel.name, str(channel.pending))
    groups = Table("group", "inbox", "lease", title="Groups")
    for group in found.groups:
        for name, lease in group.inboxes.items():
            groups.add_row(group.name, name, _seconds(lease))
    for table in (inboxes, channels, groups):
        if table.row_count:
            console.print(table)
        else:
            console.print(f"{table.title}: none")
    if found.spoilt:
        console.print("Keys in which somebody else has written:", *found.spoilt, sep="\n  ", markup=False)


def _seconds(lease: float) -> str:
    return f"{lease:.0f} s"

"""The command ``seaway``. Its subcommands come from the entry points ``seaway.commands``, of any package.

Rules of this package:

- A subcommand is imported when it is asked for: one that cannot be imported does not stand in others' way.
- What goes wrong is one line on standard error and exit code 2. A traceback is a mistake of ours.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence
from importlib.metadata import entry_points
from typing import Any

import click

__all__ = ["Commands", "main"]

ENTRY_POINTS = "seaway.commands"
FAILED = 2
INTERRUPTED = 130  # what shells say of a program that SIGINT has ended


class Commands(click.Group):
    """A group whose commands are the entry points, and whose errors are one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the entry points."""
        return sorted(entry_points(group=ENTRY_POINTS).names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of that name; one that says why, if it cannot be imported."""
        for entry_point in entry_points(group=ENTRY_POINTS, name=cmd_name):
            try:
                command: click.Command = entry_point.load()
            except ImportError as error:
                return _unavailable(cmd_name, str(error))
            return command
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that *args* begin with. `click.UsageError`: there is none, with the nearest name."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            names = self.list_commands(ctx)
            close = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(names) or 'none'}"
            raise click.UsageError(f"no command is named {name!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command and exit: 0, or 2 after one line on standard error."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        try:
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except click.Abort:
            sys.exit(INTERRUPTED)
        except click.ClickException as error:
            click.echo(f"seaway: {_line(error)}", err=True)
            sys.exit(FAILED)
        sys.exit(code if isinstance(code, int) else 0)


def _line(error: click.ClickException) -> str:
    text = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    return f"{text} (see: {context.command_path} --help)" if context is not None else text


def _unavailable(name: str, reason: str) -> click.Command:
    def fail() -> None:
        raise click.ClickException(f"the command {name!r} cannot be loaded: {reason}")

    # What follows is swallowed, so that the reason is what one reads.
    settings = {"ignore_unknown_options": True, "allow_extra_args": True}
    return click.Command(name, callback=fail, short_help=f"(not available: {reason})", context_settings=settings)


@click.group(name="seaway", cls=Commands, invoke_without_command=True)
@click.version_option(package_name="seaway", message="%(package)s %(version)s")
@click.pass_context
def main(context: click.Context) -> None:
    """Consumers, channel layers and a reference server.

    \b
    Examples:
      seaway demo
      seaway serve example:application --port 8000
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())

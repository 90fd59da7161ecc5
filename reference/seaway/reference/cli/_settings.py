"""``--set NAME=VALUE``: any limit or time-out of the server, by its name in the specification."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

import attrs
import click

from seaway.reference.settings import Mailbox, Settings

__all__ = ["with_settings"]

_OWN_OPTIONS = {"mailbox", "allowed_origins", "access_log", "grace"}
_NAMES = [field.name for field in attrs.fields(Settings) if field.name not in _OWN_OPTIONS]
_MAILBOX = [f"mailbox.{field.name}" for field in attrs.fields(Mailbox)]


def with_settings(settings: Settings, pairs: Iterable[str]) -> Settings:
    """Return *settings* with what *pairs* such as ``send_timeout=5`` or ``mailbox.layer_messages=10`` say.

    Raises:
        click.UsageError: no such setting, with the nearest, or a value that it does not take.
    """
    for pair in pairs:
        name, _, text = pair.partition("=")
        if name not in (*_NAMES, *_MAILBOX):
            close = difflib.get_close_matches(name, [*_NAMES, *_MAILBOX], n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join([*_NAMES, *_MAILBOX])}"
            raise click.UsageError(f"--set {pair}: no setting is named {name!r}; {hint}")
        try:
            settings = _set(settings, name, _number(text))
        except (ValueError, TypeError) as error:
            raise click.UsageError(f"--set {pair}: expected a number that {name} takes: {error.args[0]}") from error
    return settings


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def _set(settings: Settings, name: str, value: Any) -> Settings:
    if name in _MAILBOX:
        own = {name.removeprefix("mailbox."): value}
        return attrs.evolve(settings, mailbox=attrs.evolve(settings.mailbox, **own))
    return attrs.evolve(settings, **{name: value})

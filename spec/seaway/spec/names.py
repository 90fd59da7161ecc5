"""Names of channels and groups.

``name = 1*(ALPHA / DIGIT / "-" / "_" / ".")`` in ASCII, ``channel = name / name "!" [name]``,
``group = name``, each at most 200 characters.
"""

from __future__ import annotations

import re

MAX_NAME_LENGTH = 200
"""Longest channel or group name, in characters."""

# `fullmatch` below, never `match` with "$": that one accepts a trailing newline.
_is_channel = re.compile(r"[A-Za-z0-9\-_.]+(?:![A-Za-z0-9\-_.]*)?").fullmatch
_is_group = re.compile(r"[A-Za-z0-9\-_.]+").fullmatch


def check_channel(name: str) -> None:
    """Raise ``ValueError`` unless *name* is a channel name, normal or process-local (LAY-001, LAY-003)."""
    if not isinstance(name, str) or _is_channel(name) is None:
        raise ValueError(
            f"not a channel name: {_shown(name)}; expected ASCII letters, digits, '-', '_' or '.', "
            "and at most one '!' after the first of them (LAY-001)"
        )
    if len(name) > MAX_NAME_LENGTH:
        raise _too_long(name)


def check_group(name: str) -> None:
    """Raise ``ValueError`` unless *name* is a group name (LAY-002, LAY-003)."""
    if not isinstance(name, str) or _is_group(name) is None:
        raise ValueError(f"not a group name: {_shown(name)}; expected ASCII letters, digits, '-', '_' or '.' (LAY-002)")
    if len(name) > MAX_NAME_LENGTH:
        raise _too_long(name)


def inbox_of(channel: str) -> str | None:
    """Return the inbox that *channel* belongs to, up to and including its ``!``.

    ``"server.k3x9!17"`` and ``"server.k3x9!"`` both give ``"server.k3x9!"``. A normal channel has no inbox:
    ``None``. The name is not checked; `check_channel` does that (LAY-004).
    """
    head, mark, _ = channel.partition("!")
    return head + mark if mark else None


def _too_long(name: str) -> ValueError:
    return ValueError(f"name too long: {_shown(name)}; expected at most {MAX_NAME_LENGTH} characters (LAY-003)")


def _shown(name: object) -> str:
    text = repr(name)
    return text if len(text) <= 80 else f"{text[:77]}… ({len(text)} characters)"

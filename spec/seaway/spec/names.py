"""Names of channels and groups.

``name = 1*(ALPHA / DIGIT / "-" / "_" / ".")`` in ASCII, ``channel = name / name "!" [name]``,
``group = name``, each at most 200 characters.
"""

from __future__ import annotations

import re

MAX_NAME_LENGTH = 200
"""Longest channel or group name, in characters."""

_REQUIREMENT = "LAY-001"
# `fullmatch` below, never `match` with "$": that one accepts a trailing newline.
_is_channel = re.compile(r"[A-Za-z0-9\-_.]+(?:![A-Za-z0-9\-_.]*)?").fullmatch
_is_group = re.compile(r"[A-Za-z0-9\-_.]+").fullmatch


def check_channel(name: str) -> None:
    """Raise ``ValueError`` unless *name* is a channel name: normal, an inbox, or process-local (LAY-001)."""
    if not isinstance(name, str) or len(name) > MAX_NAME_LENGTH or _is_channel(name) is None:
        raise ValueError(
            f"not a channel name: {_shown(name)}; expected 1 to {MAX_NAME_LENGTH} ASCII letters, digits, "
            f"'-', '_' or '.', and at most one '!' after the first of them ({_REQUIREMENT})"
        )


def check_group(name: str) -> None:
    """Raise ``ValueError`` unless *name* is a group name (LAY-001)."""
    if not isinstance(name, str) or len(name) > MAX_NAME_LENGTH or _is_group(name) is None:
        raise ValueError(
            f"not a group name: {_shown(name)}; expected 1 to {MAX_NAME_LENGTH} ASCII letters, digits, "
            f"'-', '_' or '.' ({_REQUIREMENT})"
        )


def inbox_of(channel: str) -> str | None:
    """Return the inbox that *channel* belongs to, up to and including its ``!``.

    ``"server.k3x9!17"`` and ``"server.k3x9!"`` both give ``"server.k3x9!"``. A normal channel has no inbox:
    ``None``. The name is not checked; `check_channel` does that.
    """
    head, mark, _ = channel.partition("!")
    return head + mark if mark else None


def _shown(name: object) -> str:
    text = repr(name)
    return text if len(text) <= 80 else f"{text[:77]}… ({len(text)} characters)"

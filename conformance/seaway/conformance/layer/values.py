"""Names and messages that tests use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

SENTINEL = {"type": "test.sentinel"}
BAD_NAMES: tuple[Any, ...] = ("", "a b", "é", "a\n", "a\x00", "\u0661", "a/b", "a:b", "a*", None, 1, b"work", ("work",))
"""Neither a channel nor a group."""
BAD_CHANNELS: tuple[Any, ...] = (*BAD_NAMES, "!a", "!", "a!b!c", "a!!", "a!b\n", "a! b", "a!é")
BAD_GROUPS: tuple[Any, ...] = (*BAD_NAMES, "a!", "a!b")


def numbered(number: int, **rest: Any) -> dict[str, Any]:
    """Return a message with a number."""
    return {"type": "test.message", "number": number, **rest}


def numbers(messages: Iterable[dict[str, Any]]) -> list[Any]:
    """Return the numbers of *messages*; of one without, its type."""
    return [message.get("number", message["type"]) for message in messages]

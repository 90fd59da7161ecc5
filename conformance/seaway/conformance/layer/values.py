"""Names and messages that tests use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

SENTINEL = {"type": "test.sentinel"}
BAD_NAMES: tuple[Any, ...] = ("", "a b", "é", "a\n", "a\x00", "\u0661", "a/b", "a:b", "a*", None, 1, b"work", ("work",))
"""Neither a channel nor a group."""
BAD_CHANNELS: tuple[Any, ...] = (*BAD_NAMES, "!a", "!", "a!b!c", "a!!", "a!b\n", "a! b", "a!é")
BAD_GROUPS: tuple[Any, ...] = (*BAD_NAMES, "a!", "a!b")
SHORT_LEASE = 3.0
"""Seconds. On a busy machine a layer that renews in time misses a shorter one, and rightly says so."""


def numbered(number: int, **rest: Any) -> dict[str, Any]:
    """Return a message with a number."""
    return {"type": "test.message", "number": number, **rest}


def merged(messages: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return *messages* with ``layer.gap`` of one reason that stand next to each other made one."""
    found: list[dict[str, Any]] = []
    for message in messages:
        last = found[-1] if found else {"type": ""}
        if message["type"] == last["type"] == "layer.gap" and message.get("reason") == last.get("reason"):
            both = (message.get("dropped"), last.get("dropped"))
            found[-1] = {**last, "dropped": None if None in both else sum(both)}
        else:
            found.append(message)
    return found


def numbers(messages: Iterable[dict[str, Any]]) -> list[Any]:
    """Return the numbers of *messages*; of one without, its type."""
    return [message.get("number", message["type"]) for message in messages]


def number_of(message: dict[str, Any]) -> int:
    """Return the number of a message, which must have one."""
    assert type(message.get("number")) is int, f"expected a message of the test, got {message!r}"
    return int(message["number"])


def missing(message: dict[str, Any]) -> int:
    """Return how many messages *message* says are missing; a ``layer.gap`` must tell their exact number."""
    if message["type"] != "layer.gap":
        return 0
    assert type(message.get("dropped")) is int, f"expected the exact number of what is missing, got {message!r}"
    return int(message["dropped"])

"""What a layer hands out: the shape of a result, its values, the size of a message, statistics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from seaway.spec import RESERVED_PREFIXES, InvalidMessage, inbox_of, normalise, validate
from seaway.spec.json_form import dumps
from seaway.spec.schemas import statistics

__all__ = ["received_faults", "size_bounds", "statistics_fault"]

_BASE = frozenset({type(None), bool, int, float, str, bytes, list, dict})


def received_faults(result: Any, channels: Any, timeout: Any) -> Iterator[tuple[str, str]]:
    """What is wrong with the result of `receive(channels, timeout)`: requirement, text."""
    if not isinstance(result, tuple) or len(result) != 2:
        yield "LAY-039", f"receive returned {result!r}; expected a pair of channel and message"
        return
    channel, message = result
    if channel is None and message is None:
        if timeout is None:
            yield "LAY-041", "receive without a timeout returned (None, None)"
        return
    if not isinstance(channel, str) or (channel not in channels and inbox_of(channel) not in channels):
        yield "LAY-050", f"receive of {list(channels)} returned a message of {channel!r}"
        return
    yield from _message_faults(channel, message)


def _message_faults(channel: str, message: Any) -> Iterator[tuple[str, str]]:
    try:
        normalise(message)
    except InvalidMessage as error:
        yield error.requirement, f"receive returned what is no message: {error.without_requirement}"
        return
    for kind in sorted({type(value).__name__ for value in _walk(message)} - {one.__name__ for one in _BASE}):
        requirement = "MSG-015" if kind == "tuple" else "MSG-016"
        yield requirement, f"a message of {channel!r} has a {kind}; expected the types of the interface"
    if message["type"] == "layer.gap":
        yield from _gap_faults(channel, message)
    elif message["type"].startswith(RESERVED_PREFIXES) and not message["type"].startswith("bridge."):
        yield "MSG-021", f"receive returned a message of the reserved type {message['type']!r}"


def _gap_faults(channel: str, message: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if inbox_of(channel) is None:
        yield "GAP-013", f"a layer.gap for the normal channel {channel!r}"
    try:
        validate(message, "layer")
    except InvalidMessage as error:
        yield error.requirement, f"layer.gap: {error.without_requirement}"
    if message.get("reason") in ("overflow", "expired") and message.get("dropped") is None:
        yield "GAP-008", f"a layer.gap with reason {message['reason']!r} and without a number"


def _walk(value: Any) -> Iterator[Any]:
    yield value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _walk(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _walk(inner)


def size_bounds(message: dict[str, Any]) -> tuple[int, int]:
    """The least and the most bytes that a message may take in a layer's own encoding (LAY-034)."""
    content = sum(
        len(value.encode()) if isinstance(value, str) else len(value)
        for value in _walk(normalise(message))
        if isinstance(value, str | bytes)
    )
    return -(-content // 2), 2 * len(dumps(message).encode())


def statistics_fault(value: Any) -> str | None:
    """What is wrong with the result of `statistics()`, in words, or `None`."""
    return _counter_fault(value, statistics(), "statistics()")


def _counter_fault(value: Any, schema: dict[str, Any], where: str) -> str | None:
    if schema["type"] == "integer":
        is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        return None if is_count else f"{where} is {value!r}; expected an integer of 0 or more"
    if not isinstance(value, dict):
        return f"{where} is {value!r}; expected a dict"
    for key in schema["required"]:
        if key not in value:
            return f"{where} lacks {key!r}"
        fault = _counter_fault(value[key], schema["properties"][key], f"{where}[{key!r}]")
        if fault is not None:
            return fault
    return None

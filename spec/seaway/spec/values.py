"""The values that a message may carry, and the copy of a message in base types.

Rules of this module: `normalise` is on the path of every `send` of every layer, so the loop over a flat
message has no function call for common values. Exact types are asked for with ``type(x) is``, and
subclasses with ``issubclass``: ``isinstance`` believes ``x.__class__``, which can lie (a mock's does).
"""

from __future__ import annotations

import re
from math import isfinite
from typing import Any

from seaway.spec.errors import InvalidMessage, invalid

RESERVED_PREFIXES = ("http.", "http2.", "websocket.", "lifespan.", "task.", "server.", "layer.", "bridge.")
"""What the types of the interface's own messages begin with."""

MAX_DEPTH = 32
"""Deepest nesting of a message: the message itself is at depth 1."""

_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1
_INTEGER = "an integer from -2^63 to 2^63 - 1"
_is_type = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+").fullmatch

# Keys and types that have been checked. Programs use few of them; the bounds keep a sender who makes them up
# from filling the memory. A full set is still right, only slower for names that are not in it.
_CACHE_SIZE = 1024
_CACHED_LENGTH = 64
_good_keys: set[str] = {"type"}
_good_types: set[str] = set()


def normalise(message: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of *message* in base types that shares no mutable state with it.

    A ``tuple`` becomes a ``list``; a subclass of an allowed type becomes that type.

    Raises:
        InvalidMessage: the message is no ``dict``, or its ``type`` is missing (MSG-001) or malformed
            (MSG-002); a value is of another type (MSG-003, MSG-010), an ``int`` beyond 64 bits (MSG-004), a
            ``float`` that is not finite (MSG-005), a ``str`` with a lone surrogate (MSG-006); a key is no
            ``str`` (MSG-007) or begins with ``$`` (MSG-009); it is nested deeper than `MAX_DEPTH` (MSG-008).
    """
    copy = message.copy() if type(message) is dict else _base_dict(message)
    for key, value in copy.items():
        if type(key) is not str or key not in _good_keys:
            if type(key) is not str:
                return normalise(_with_base_keys(copy))
            _check_key(key, "")
        kind = type(value)
        if kind is str:
            if not value.isascii():
                _check_text(value, key)
        elif kind is int:
            if not _INT_MIN <= value <= _INT_MAX:
                raise invalid(key, _INTEGER, value, "MSG-004")
        elif not (value is None or kind is bytes or kind is bool):
            copy[key] = _base(value, key, 2)
    type_ = copy.get("type")
    if type_ not in _good_types:
        _check_type(type_)
    return copy


def _base(value: Any, field: str, depth: int) -> Any:
    """Return *value* in base types; *depth* is its own, if it is a container."""
    kind = type(value)
    if value is None or kind is bool or kind is bytes:
        return value
    if kind is str:
        if not value.isascii():
            _check_text(value, field)
        return value
    if issubclass(kind, float):
        number = float.__float__(value)
        if not isfinite(number):
            raise invalid(field, "a finite number", number, "MSG-005")
        return number
    if issubclass(kind, int):
        integer = int.__int__(value)
        if not _INT_MIN <= integer <= _INT_MAX:
            raise invalid(field, _INTEGER, integer, "MSG-004")
        return integer
    if issubclass(kind, (list, tuple)):
        _check_depth(field, depth)
        plain = list.__iter__(value) if issubclass(kind, list) else tuple.__iter__(value)
        return [_base(item, f"{field}[{index}]", depth + 1) for index, item in enumerate(plain)]
    if issubclass(kind, dict):
        _check_depth(field, depth)
        return _base_items(value, field, depth)
    return _base_of_subclass(value, field)


def _base_items(value: dict[Any, Any], field: str, depth: int) -> dict[str, Any]:
    copy = {}
    for key, item in dict.items(value):
        name = str.__str__(key) if issubclass(type(key), str) else key
        if name not in _good_keys:
            _check_key(name, field)
        copy[name] = _base(item, f"{field}.{name}", depth + 1)
    return copy


def _base_of_subclass(value: Any, field: str) -> Any:
    # The base type's own methods: a subclass may override `__str__` (an Enum does) and the like.
    if issubclass(type(value), str):
        text = str.__str__(value)
        _check_text(text, field)
        return text
    if issubclass(type(value), bytes):
        return bytes.__getitem__(value, slice(None))
    requirement = "MSG-010" if isinstance(value, (bytearray, memoryview)) else "MSG-003"
    raise invalid(field, "None, bool, int, float, str, bytes, list or dict", value, requirement)


def _base_dict(message: Any) -> dict[Any, Any]:
    if not issubclass(type(message), dict):
        raise invalid("", "a dict", message, "MSG-001")
    return dict(dict.items(message))


def _with_base_keys(message: dict[Any, Any]) -> dict[str, Any]:
    copy = {}
    for key, value in message.items():
        if not issubclass(type(key), str):
            _check_key(key, "")
        copy[str.__str__(key)] = value
    return copy


def _check_key(key: Any, field: str) -> None:
    if not issubclass(type(key), str):
        raise invalid(field, "keys of type str", key, "MSG-007")
    path = f"{field}.{key}" if field else key
    if key.startswith("$"):
        raise InvalidMessage(path, "a key that does not begin with '$'", repr(key), "MSG-009")
    _check_text(key, field)
    if len(_good_keys) < _CACHE_SIZE and len(key) <= _CACHED_LENGTH:
        _good_keys.add(key)


def _check_text(text: str, field: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise invalid(field, "text without lone surrogates", text, "MSG-006") from None


def _check_depth(field: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidMessage(field, f"at most {MAX_DEPTH} levels of nesting", "more", "MSG-008")


def _check_type(value: Any) -> None:
    if not issubclass(type(value), str):
        raise invalid("type", "a str such as 'chat.message'", value, "MSG-001")
    if _is_type(value) is None:
        raise invalid("type", "lower-case words joined by dots, such as 'chat.message'", value, "MSG-002")
    if len(_good_types) < _CACHE_SIZE and len(value) <= _CACHED_LENGTH:
        _good_types.add(value)

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
    if not issubclass(type(message), dict):
        raise invalid("", "a dict", message, "MSG-001")
    copy = _settled(dict.copy(message), 1)
    type_ = copy.get("type")
    if type(type_) is not str or type_ not in _good_types:
        _check_type(type_)
    return copy


def _settled(copy: dict[Any, Any], depth: int) -> dict[str, Any]:
    """Put base types into *copy*, in place unless its keys need it too, and return it; *depth* is its own."""
    if depth > MAX_DEPTH:
        raise _too_deep()
    key = ""
    try:
        for key, value in copy.items():
            if type(key) is not str:
                break
            if key not in _good_keys:
                _check_key(key)
            kind = type(value)
            if kind is str:
                if not value.isascii():
                    _check_text(value)
            elif kind is int:
                if not _INT_MIN <= value <= _INT_MAX:
                    raise _too_large(value)
            elif not (value is None or kind is bytes or kind is bool):
                copy[key] = _base(value, kind, depth + 1)
        else:
            return copy
    except InvalidMessage as error:
        raise error.inside(key) from None
    return _settled(_with_base_keys(copy), depth)


def _settled_list(copy: list[Any], depth: int) -> list[Any]:
    """Put base types into *copy*, in place, and return it; *depth* is its own."""
    if depth > MAX_DEPTH:
        raise _too_deep()
    index = 0
    try:
        for index, value in enumerate(copy):
            kind = type(value)
            if kind is str:
                if not value.isascii():
                    _check_text(value)
            elif not (value is None or kind is bytes or kind is bool):
                copy[index] = _base(value, kind, depth + 1)
    except InvalidMessage as error:
        raise error.inside(f"[{index}]") from None
    return copy


def _base(value: Any, kind: type, depth: int) -> Any:
    """Return *value*, of type *kind*, in base types; *depth* is its own, if it is a container."""
    if kind is dict:
        return _settled(value.copy(), depth)
    if kind is list:
        return _settled_list(value.copy(), depth)
    if issubclass(kind, float):
        number = float.__float__(value)
        if not isfinite(number):
            raise invalid("", "a finite number", number, "MSG-005")
        return number
    if issubclass(kind, int):
        integer = int.__int__(value)
        if not _INT_MIN <= integer <= _INT_MAX:
            raise _too_large(integer)
        return integer
    if issubclass(kind, tuple):
        return _settled_list(list(tuple.__iter__(value)), depth)
    return _base_of_subclass(value, kind, depth)


def _base_of_subclass(value: Any, kind: type, depth: int) -> Any:
    # The base type's own methods: a subclass may override `__str__` (an Enum does), `__iter__` and the like.
    if issubclass(kind, str):
        text = str.__str__(value)
        _check_text(text)
        return text
    if issubclass(kind, list):
        return _settled_list(list.copy(value), depth)
    if issubclass(kind, dict):
        return _settled(dict.copy(value), depth)
    if issubclass(kind, bytes):
        return bytes.__getitem__(value, slice(None))
    requirement = "MSG-010" if issubclass(kind, (bytearray, memoryview)) else "MSG-003"
    raise invalid("", "None, bool, int, float, str, bytes, list or dict", value, requirement)


def _with_base_keys(message: dict[Any, Any]) -> dict[str, Any]:
    for key in message:
        if not issubclass(type(key), str):
            raise invalid("", "keys of type str", key, "MSG-007")
    return {str.__str__(key): value for key, value in message.items()}


def _check_key(key: str) -> None:
    if key.startswith("$"):
        raise invalid("", "a key that does not begin with '$'", key, "MSG-009")
    _check_text(key)
    if len(_good_keys) < _CACHE_SIZE and len(key) <= _CACHED_LENGTH:
        _good_keys.add(key)


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise invalid("", "text without lone surrogates", text, "MSG-006") from None


def _too_large(value: int) -> InvalidMessage:
    return invalid("", "an integer from -2^63 to 2^63 - 1", value, "MSG-004")


def _too_deep() -> InvalidMessage:
    return InvalidMessage("", f"at most {MAX_DEPTH} levels of nesting", "more", "MSG-008")


def _check_type(value: Any) -> None:
    if not issubclass(type(value), str):
        raise invalid("type", "a str such as 'chat.message'", value, "MSG-001")
    if _is_type(value) is None:
        raise invalid("type", "lower-case words joined by dots, such as 'chat.message'", value, "MSG-002")
    if len(_good_types) < _CACHE_SIZE and len(value) <= _CACHED_LENGTH:
        _good_types.add(value)

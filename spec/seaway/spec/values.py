"""The values that a message may carry, and the copy of a message in base types.

Rules of this module: `normalise` is on the path of every `send` of every layer, so the loop over a flat message
has no function call for common values. Exact types are asked for with ``type(x) is``: ``isinstance`` would let a
``bool`` pass for an ``int``, and ``x.__class__`` can lie.
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

_TYPE = "MSG-001"
_VALUE = "MSG-002"
_DEPTH = "MSG-003"
_KEY = "MSG-004"


def normalise(message: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of *message* in base types that shares no mutable state with it.

    A ``tuple`` becomes a ``list``; a subclass of an allowed type becomes that type.

    Raises:
        InvalidMessage: the message is no ``dict``, or its ``type`` is missing or malformed; a value is of another
            type, an ``int`` beyond 64 bits, a ``float`` that is not finite, a ``str`` with a lone surrogate; it
            is nested deeper than `MAX_DEPTH`; a key is no ``str`` or begins with ``$``.
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
                raise invalid(key, "a signed 64-bit integer", value, _VALUE)
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
    if kind is float or isinstance(value, float):
        number = float.__float__(value)
        if not isfinite(number):
            raise invalid(field, "a finite number", number, _VALUE)
        return number
    if isinstance(value, int):
        integer = int.__int__(value)
        if not _INT_MIN <= integer <= _INT_MAX:
            raise invalid(field, "a signed 64-bit integer", integer, _VALUE)
        return integer
    if isinstance(value, (list, tuple)):
        _check_depth(field, depth)
        plain = list.__iter__(value) if isinstance(value, list) else tuple.__iter__(value)
        return [_base(item, f"{field}[{index}]", depth + 1) for index, item in enumerate(plain)]
    if isinstance(value, dict):
        _check_depth(field, depth)
        return _base_items(value, field, depth)
    return _base_of_subclass(value, field)


def _base_items(value: dict[Any, Any], field: str, depth: int) -> dict[str, Any]:
    copy = {}
    for key, item in dict.items(value):
        name = str.__str__(key) if isinstance(key, str) else key
        if name not in _good_keys:
            _check_key(name, field)
        copy[name] = _base(item, f"{field}.{name}", depth + 1)
    return copy


def _base_of_subclass(value: Any, field: str) -> Any:
    # The base type's own methods: a subclass may override `__str__` (an Enum does) and the like.
    if isinstance(value, str):
        text = str.__str__(value)
        _check_text(text, field)
        return text
    if isinstance(value, bytes):
        return bytes.__getitem__(value, slice(None))
    raise invalid(field, "None, bool, int, float, str, bytes, list or dict", value, _VALUE)


def _base_dict(message: Any) -> dict[Any, Any]:
    if not isinstance(message, dict):
        raise invalid("", "a dict", message, _TYPE)
    return dict(dict.items(message))


def _with_base_keys(message: dict[Any, Any]) -> dict[str, Any]:
    copy = {}
    for key, value in message.items():
        if not isinstance(key, str):
            _check_key(key, "")
        copy[str.__str__(key)] = value
    return copy


def _check_key(key: Any, field: str) -> None:
    if not isinstance(key, str):
        raise invalid(field, "keys of type str", key, _KEY)
    path = f"{field}.{key}" if field else key
    if key.startswith("$"):
        raise InvalidMessage(path, "a key that does not begin with '$'", repr(key), _KEY)
    _check_text(key, field)
    if len(_good_keys) < _CACHE_SIZE and len(key) <= _CACHED_LENGTH:
        _good_keys.add(key)


def _check_text(text: str, field: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise invalid(field, "text without lone surrogates", text, _VALUE) from None


def _check_depth(field: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidMessage(field, f"at most {MAX_DEPTH} levels of nesting", "more", _DEPTH)


def _check_type(value: Any) -> None:
    if not isinstance(value, str):
        raise invalid("type", "a type such as 'chat.message'", value, _TYPE)
    if _is_type(value) is None:
        raise invalid("type", "lower-case words joined by dots, such as 'chat.message'", value, _TYPE)
    if len(_good_types) < _CACHE_SIZE and len(value) <= _CACHED_LENGTH:
        _good_types.add(value)

"""The JSON form: a lossless mapping of messages to JSON, for schemas, files and other languages.

JSON has no bytes: they are an object with the one key ``$bytes``, whose value is their base64 (RFC 4648
section 4, with padding). Since no key of a message begins with ``$``, nothing else looks like it. A ``float``
keeps a fraction or an exponent (``2.0``), an ``int`` has neither: that is how a reader tells them apart.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from typing import Any, NoReturn

from seaway.spec.errors import InvalidMessage, invalid
from seaway.spec.values import MAX_DEPTH, normalise

# Canonical base64 only: the bits that padding leaves unused are zero, so that one value has one form.
_is_base64 = re.compile(
    r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?"
).fullmatch


def to_json(message: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON form of *message*: what ``json.dumps`` takes, sharing nothing with it (MSG-028).

    Raises:
        InvalidMessage: *message* is not a message (see `seaway.spec.values.normalise`).
    """
    return {key: _to_json(value) for key, value in normalise(message).items()}


def from_json(obj: dict[str, Any]) -> dict[str, Any]:
    """Return the message whose JSON form is *obj*, as ``json.loads`` gives it.

    Raises:
        InvalidMessage: *obj* has a ``$bytes`` that is not canonical base64 (MSG-029), or is no message.
    """
    if not isinstance(obj, dict):
        raise invalid("", "a JSON object", obj, "MSG-001")
    return normalise({key: _from_json(value, key, 1) for key, value in obj.items()})


def dumps(message: dict[str, Any]) -> str:
    """Return the JSON form of *message* as one line of text, without the line feed (MSG-030, MSG-032).

    Raises:
        InvalidMessage: *message* is not a message.
    """
    return json.dumps(to_json(message), ensure_ascii=False, allow_nan=False)


def loads(line: str) -> dict[str, Any]:
    """Return the message whose JSON form is the text *line*.

    Raises:
        InvalidMessage: the text is not JSON (MSG-032), has a key twice in one object (MSG-031), or is not the
            JSON form of a message.
    """
    try:
        obj = read(line)
    except json.JSONDecodeError as error:
        raise InvalidMessage("", "JSON", f"{error.msg} at column {error.colno}", "MSG-032") from None
    return from_json(obj)


def read(line: str) -> Any:
    """Return what the JSON in *line* stands for, before bytes are made of ``$bytes``.

    Raises:
        json.JSONDecodeError: it is not JSON.
        InvalidMessage: a key twice in one object (MSG-031), a number that no message has, too deep.
    """
    try:
        return json.loads(line, object_pairs_hook=_object, parse_constant=_not_finite, parse_int=_integer)
    except RecursionError:
        raise InvalidMessage("", f"at most {MAX_DEPTH} levels of nesting", "more", "MSG-008") from None


def _to_json(value: Any) -> Any:
    kind = type(value)
    if kind is bytes:
        return {"$bytes": b64encode(value).decode("ascii")}
    if kind is list:
        return [_to_json(item) for item in value]
    if kind is dict:
        return {key: _to_json(item) for key, item in value.items()}
    return value


def _from_json(value: Any, field: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        # Deeper values are left as they are: `normalise` refuses them, and has the words for it.
        return value
    if isinstance(value, list):
        return [_from_json(item, f"{field}[{index}]", depth + 1) for index, item in enumerate(value)]
    if isinstance(value, dict):
        if "$bytes" in value:
            return _bytes(value, field)
        return {key: _from_json(item, f"{field}.{key}", depth + 1) for key, item in value.items()}
    return value


def _bytes(value: dict[str, Any], field: str) -> bytes:
    text = value["$bytes"]
    if len(value) != 1 or not isinstance(text, str) or _is_base64(text) is None:
        raise invalid(field, 'bytes as {"$bytes": canonical base64}', value, "MSG-029")
    return b64decode(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise InvalidMessage(key, "each key once", "it twice", "MSG-031")
        found[key] = value
    return found


def _not_finite(text: str) -> NoReturn:
    raise InvalidMessage("", "finite numbers", text, "MSG-005")


def _integer(text: str) -> int:
    # Python refuses to read thousands of digits; what is longer than 64 bits is out of range all the same.
    if len(text) > 20:
        raise InvalidMessage("", "an integer from -2^63 to 2^63 - 1", f"{len(text)} characters", "MSG-004")
    return int(text)

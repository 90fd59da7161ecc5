"""The JSON form: a lossless mapping of messages to JSON, for schemas, files and other languages.

JSON has no bytes: they are an object with the one key ``$bytes``, whose value is their base64 (RFC 4648
section 4, with padding). Since no key of a message begins with ``$``, nothing else looks like it. A ``float``
keeps a fraction or an exponent (``2.0``), an ``int`` has neither: that is how a reader tells them apart.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from typing import Any

from seaway.spec.errors import invalid
from seaway.spec.values import normalise

# Canonical base64 only: the bits that padding leaves unused are zero, so that one value has one form.
_is_base64 = re.compile(
    r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?"
).fullmatch


def to_json(message: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON form of *message*: what ``json.dumps`` takes, sharing nothing with it.

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
    return normalise({key: _from_json(value, key) for key, value in obj.items()})


def _to_json(value: Any) -> Any:
    kind = type(value)
    if kind is bytes:
        return {"$bytes": b64encode(value).decode("ascii")}
    if kind is list:
        return [_to_json(item) for item in value]
    if kind is dict:
        return {key: _to_json(item) for key, item in value.items()}
    return value


def _from_json(value: Any, field: str) -> Any:
    if isinstance(value, list):
        return [_from_json(item, f"{field}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, dict):
        if "$bytes" in value:
            return _bytes(value, field)
        return {key: _from_json(item, f"{field}.{key}") for key, item in value.items()}
    return value


def _bytes(value: dict[str, Any], field: str) -> bytes:
    text = value["$bytes"]
    if len(value) != 1 or not isinstance(text, str) or _is_base64(text) is None:
        raise invalid(field, 'bytes as {"$bytes": canonical base64}', value, "MSG-029")
    return b64decode(text)
